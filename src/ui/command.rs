//! The commands, one grammar for prompt and script.

use clap::{Args, CommandFactory, Parser, Subcommand};

use super::browse::Browse;
use super::failure::Failure;
use super::get::Get;
use super::host::Host;
use super::library::ShowLibrary;
use super::limit::SetLimit;
use super::magnet::Magnet;
use super::results::ShowResults;
use super::search::Search;
use super::transfers::{SetPriority, Which};
use super::watch::Watch;

/// What a servent can be told to do.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Ask the network for files whose names hold all these words
    Search(Search),
    /// Show the results of the last search again, or all about one of them
    Results(ShowResults),
    /// Explain the last search: whom it could reach, what cut it off, what another TTL would reach and cost
    Why,
    /// Fetch files, by their numbers in the last results, by urn, or by magnet link
    Get(Get),
    /// Print magnet links to paste elsewhere, for `get` there
    Magnet(Magnet),
    /// List all the files of one servent
    Browse(Browse),
    /// Show the neighbours
    Peers,
    /// Dial a servent and make it a neighbour
    Connect(At),
    /// Hang up on a neighbour
    Disconnect(At),
    /// Show the downloads
    Downloads,
    /// Leave downloads alone until `resume`
    Pause(Which),
    /// Go on with downloads that are paused, or try those that failed again
    Resume(Which),
    /// Forget downloads, and what came of them
    Cancel(Which),
    /// Say which downloads come first
    Priority(SetPriority),
    /// Keep looking for words, and fetch what turns up if you like; `watch` alone shows what is looked for
    Watch(Watch),
    /// Show the uploads
    Uploads,
    /// Show or set how fast bytes may go out and come in
    Limit(SetLimit),
    /// Show the files we share, or those whose names hold all these words
    Library(ShowLibrary),
    /// Look through the shared folders again
    Rescan,
    /// Show what the servent is and does
    Status,
    /// Say what can be typed here, or all about one command
    #[command(visible_alias = "?")]
    Help(Help),
    /// Leave: say Bye to the neighbours, keep unfinished downloads for the next start
    #[command(visible_aliases = ["exit", "stop"])]
    Quit,
}

/// Whom.
#[derive(Args, Clone, Debug)]
pub(super) struct At {
    /// An IPv4 address or a name, port 6346 unless said otherwise
    #[arg(value_name = "HOST[:PORT]")]
    pub(super) host: Host,
}

/// About what.
#[derive(Args, Clone, Debug)]
pub(super) struct Help {
    /// The command to explain
    pub(super) command: Option<String>,
}

/// What a line asks for.
#[derive(Debug)]
pub(super) enum Request {
    /// Nothing: an empty line or a comment.
    Nothing,
    /// To be told something.
    Show(String),
    /// To do something.
    Do {
        /// What.
        command: Command,
        /// Whether to show what comes of it as JSON.
        json: bool,
    },
}

/// Reads one line.
pub(super) fn read(line: &str) -> Result<Request, Failure> {
    // An apostrophe is no open quote to somebody who searches for it: then each word stands for itself.
    let words =
        shlex::split(line).unwrap_or_else(|| line.split_whitespace().map(str::to_owned).collect());
    if words.is_empty() {
        return Ok(Request::Nothing);
    }
    match Line::try_parse_from(words) {
        Ok(Line {
            command: Command::Help(Help {
                command: Some(name),
            }),
            ..
        }) => explain(&name).map(Request::Show),
        Ok(Line { command, json }) => Ok(Request::Do { command, json }),
        Err(error) if !error.use_stderr() => Ok(Request::Show(error.render().to_string())),
        Err(error) => Err(Failure::from(error)),
    }
}

/// The names of all commands.
pub(super) fn names() -> Vec<String> {
    Line::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect()
}

/// What may follow a command's name, as `NUMBER…`.
pub(super) fn usage(name: &str) -> Option<String> {
    let mut line = Line::command();
    let command = line.find_subcommand_mut(name)?;
    let usage = command.render_usage().to_string();
    let (_, arguments) = usage.split_once(name)?;
    Some(arguments.trim().to_owned())
}

/// One line of a prompt or a script.
#[derive(Debug, Parser)]
#[command(
    no_binary_name = true,
    disable_help_flag = true,
    disable_help_subcommand = true
)]
struct Line {
    #[command(subcommand)]
    command: Command,

    /// Print JSON: an object or a line an item
    // Every command has it, so none need tell of it.
    #[arg(long, global = true, hide = true)]
    json: bool,
}

/// Every command: its name, what may follow it, what it is for.
pub(super) fn overview() -> Vec<[String; 3]> {
    let line = Line::command();
    line.get_subcommands()
        .map(|command| {
            let name = command.get_name();
            let about = command.get_about().map(ToString::to_string);
            [
                name.to_owned(),
                usage(name).unwrap_or_default(),
                about.unwrap_or_default(),
            ]
        })
        .collect()
}

/// All about one command.
pub(super) fn explain(name: &str) -> Result<String, Failure> {
    match Line::command().find_subcommand_mut(name) {
        Some(command) => Ok(command.render_long_help().to_string()),
        None => Err(Failure::usage(format!(
            "there is no command `{name}`; `help` names them all"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Command {
        match read(line) {
            Ok(Request::Do {
                command,
                json: false,
            }) => command,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn lines_are_read_as_commands() {
        assert!(matches!(command("peers"), Command::Peers));
        assert!(matches!(command("exit"), Command::Quit));
        assert!(matches!(
            command("search ace of 'spades'"),
            Command::Search(_)
        ));
        assert!(matches!(command("search don't stop"), Command::Search(_)));
        assert!(matches!(
            command("get 1 3-5 urn:sha1:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB"),
            Command::Get(_)
        ));
        assert!(matches!(command("connect localhost"), Command::Connect(_)));
        assert!(matches!(command("limit"), Command::Limit(_)));
        assert!(matches!(
            command("limit up 2MB/s,messages=64KiB/s"),
            Command::Limit(_)
        ));
        assert!(matches!(read("  # a comment"), Ok(Request::Nothing)));
        assert!(matches!(read(""), Ok(Request::Nothing)));
    }

    #[test]
    fn every_command_can_tell_in_json() {
        for line in ["status --json", "--json peers", "search some words --json"] {
            let read = read(line);
            assert!(
                matches!(read, Ok(Request::Do { json: true, .. })),
                "{line}: {read:?}"
            );
        }
        // It is no news behind each of them.
        assert_eq!(usage("status").as_deref(), Some(""));
    }

    #[test]
    fn a_mistake_is_one_sentence() {
        for (line, part) in [
            ("serch x", "search"),
            ("get", "REF"),
            ("get zero", "zero"),
            ("get 0", "0"),
            ("get 5-3", "5-3"),
            ("search", "WORDS"),
            ("search x --ttl 99", "ttl"),
            ("connect a:b", "port"),
            ("peers now", "now"),
            ("limit up", "RATE"),
            ("limit 2MB/s", "up"),
            ("limit up messages=2KB/s", "16KiB/s"),
            ("limit down leaves=1MB/s", "files"),
            ("help nonsense", "nonsense"),
        ] {
            let failure = read(line).expect_err(line);
            let said = failure.to_string();
            assert!(said.contains(part), "{line}: {said}");
            assert!(!said.contains('\n') && said.len() < 200, "{line}: {said}");
        }
    }

    #[test]
    fn help_names_every_command() {
        assert!(matches!(command("help"), Command::Help(_)));
        assert_eq!(overview().len(), names().len());
        for name in names() {
            assert!(matches!(
                read(&format!("help {name}")),
                Ok(Request::Show(_))
            ));
        }
    }
}
