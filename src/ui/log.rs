//! The log on stderr: warnings by default, more with `-v`, less with `-q`.

use std::io;
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::cli::LogForm;
use super::screen::Screen;

/// Begins to log to `screen`. `RUST_LOG`, where set, says what instead of `verbose` and `quiet`.
pub(super) fn start(screen: &Arc<Screen>, form: LogForm, verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "warn,servent=info",
        (false, 2) => "info,servent=debug",
        (false, _) => "debug,servent=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let json = form == LogForm::Json;
    let writer = ToScreen {
        screen: Arc::clone(screen),
        json,
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(writer);
    // The only way to fail is that a log was started before, and then there is one.
    let _ = if json {
        log.json().try_init()
    } else {
        log.try_init()
    };
}

/// Writes each event as a cleaned line.
#[derive(Clone)]
struct ToScreen {
    screen: Arc<Screen>,
    json: bool,
}

impl<'a> MakeWriter<'a> for ToScreen {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl io::Write for ToScreen {
    /// Is given a whole event, newline and all.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        for line in String::from_utf8_lossy(event).lines() {
            self.screen.log(line, self.json);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
