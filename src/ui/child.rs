//! A servent that is one of many, started by a process that wants none of them to outlive it, whatever its own end.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, getppid};
use tokio::io::AsyncReadExt;

use super::failure::{Exit, Failure};
use super::signals::Signals;

/// Ends this process when `parent` ends, also when that is killed. To be said from the thread that goes on longest.
pub(super) fn bind_to(parent: u32) -> Result<(), Failure> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::TERM)).map_err(|error| {
            Failure::io(
                "this process cannot be bound to its parent",
                &error.into(),
                "",
            )
        })?;
    }
    // It may have ended before that was said.
    match getppid().map(Pid::as_raw_nonzero) {
        Some(id) if u32::try_from(id.get()) == Ok(parent) => Ok(()),
        _ => Err(Failure::new(
            Exit::Failed,
            format!("process {parent} did not start this one"),
            "--child-of is for `servent demo`",
        )),
    }
}

/// Returns when a signal says so, or when the other end of stdin is gone: where no signal comes of a parent's death, that
/// still does.
pub(super) async fn until_told(signals: &mut Signals) {
    let mut stdin = tokio::io::stdin();
    let mut ignored = [0; 64];
    loop {
        tokio::select! {
            _ = signals.next() => return,
            read = stdin.read(&mut ignored) => if !matches!(read, Ok(1..)) {
                return;
            },
        }
    }
}

/// Takes the state away, and the folder around all of them when this was the last.
pub(super) fn clear(data: &Path) {
    let home = data.parent();
    // Nobody is left to be told; what stays lies in a temporary folder.
    let _ = fs::remove_dir_all(home.unwrap_or(data));
    let _ = home.and_then(Path::parent).map(fs::remove_dir);
}
