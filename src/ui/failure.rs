//! Why something came to nothing: what happened and why, what to do next, and the exit code that says it to a script.

use std::fmt;
use std::io;
use std::process::ExitCode;

use clap::error::ErrorKind;

/// The exit codes, fixed because scripts branch on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// All was done.
    Done = 0,
    /// It failed, and no other code says why.
    Failed = 1,
    /// The command line, the configuration or a command was not understood.
    Usage = 2,
    /// Nothing was found.
    NothingFound = 3,
    /// There is no running servent to talk to.
    NoServent = 4,
    /// It is not allowed.
    NotAllowed = 5,
    /// It took too long.
    TimedOut = 6,
    /// The disk is full, broken or not writable.
    Disk = 7,
    /// The bytes are not those that were promised.
    HashMismatch = 8,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// That of a command which ended with `code`; one that is none of ours says only that it failed.
    pub(super) fn of(code: u8) -> Self {
        let all = [
            Self::Done,
            Self::Failed,
            Self::Usage,
            Self::NothingFound,
            Self::NoServent,
            Self::NotAllowed,
            Self::TimedOut,
            Self::Disk,
            Self::HashMismatch,
            Self::Interrupted,
        ];
        let found = all.into_iter().find(|exit| *exit as u8 == code);
        found.unwrap_or(Self::Failed)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failed command. Shown as one sentence: what happened and why; what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The code to leave with.
    pub(super) exit: Exit,
    /// What happened, and why.
    pub(super) what: String,
    /// What to do next; empty where `what` says it.
    pub(super) next: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            next: next.into(),
        }
    }

    /// Bad input: `what` is the whole sentence.
    pub(super) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what, "")
    }

    /// An error of the system or of the far side, after the words `doing`.
    pub(super) fn io(doing: impl fmt::Display, error: &io::Error, next: impl Into<String>) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::TimedOut => Exit::TimedOut,
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem => Exit::Disk,
            io::ErrorKind::PermissionDenied => Exit::NotAllowed,
            _ => Exit::Failed,
        };
        Self::new(exit, format!("{doing}: {error}"), next)
    }
}

impl From<clap::Error> for Failure {
    /// clap's first paragraph and its tips as one sentence; the usage block is what `help` is for.
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        let said: Vec<&str> = text
            .lines()
            .map(str::trim)
            .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
            .filter(|line| !line.is_empty())
            .collect();
        let sentence = said.join(" ");
        let sentence = sentence.strip_prefix("error: ").unwrap_or(&sentence);
        let mut failure = Self::usage(sentence.replace(" tip: ", "; "));
        // Where clap knows nothing like it, that is all it says.
        if error.kind() == ErrorKind::InvalidSubcommand && !text.contains("tip: ") {
            failure.next = "`help` lists what there is".to_owned();
        }
        failure
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.next.is_empty() {
            write!(f, "; {}", self.next)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_sentence() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let failure = Failure::io("cannot save", &full, "make room");
        assert_eq!(failure.exit, Exit::Disk);
        assert_eq!(
            failure.to_string(),
            "cannot save: no storage space; make room"
        );
    }

    #[test]
    fn a_command_that_is_like_none_is_told_where_they_are_listed() {
        let said = |line: &str| match crate::ui::command::read(line) {
            Err(failure) => failure.to_string(),
            Ok(_) => panic!("{line} is a command"),
        };
        assert!(said("zzz").ends_with("; `help` lists what there is"));
        assert!(!said("serach").contains("lists"));
    }
}
