//! A servent that is one of many, started by a process that wants none of them to outlive it, whatever its own end.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use rustix::process::{Pid, getppid};
use tokio::io::AsyncReadExt;

use super::failure::{Exit, Failure};
use super::signals::Signals;
use crate::live::HOME_PREFIX;

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
    if is_there(parent) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Failed,
        format!("process {parent} did not start this one"),
        "--child-of is for `servent demo`",
    ))
}

/// Whether who started us still lives.
fn is_there(parent: u32) -> bool {
    let id = getppid().map(Pid::as_raw_nonzero);
    id.is_some_and(|id| u32::try_from(id.get()) == Ok(parent))
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

/// Takes the state away, and the folder around all of them when this was the last, or when who started them has ended: he may
/// have been about to start more. Only in a village: whatever else `--data` names is not ours to remove.
pub(super) fn clear(data: &Path, parent: u32) {
    let Ok(data) = std::path::absolute(data) else {
        return;
    };
    if let Some(home) = data.parent()
        && let Some(village) = home.parent().filter(|village| is_village(village))
    {
        // Nobody is left to be told; what stays lies in a temporary folder. The last one out finds it empty.
        let _ = fs::remove_dir_all(home);
        let _ = match is_there(parent) {
            true => fs::remove_dir(village),
            false => fs::remove_dir_all(village),
        };
    }
}

fn is_village(folder: &Path) -> bool {
    let name = folder.file_name().and_then(OsStr::to_str);
    name.is_some_and(|name| name.starts_with(HOME_PREFIX))
}
