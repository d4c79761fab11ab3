//! A servent in a process of its own, which ends with the test whatever becomes of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A guard, not an expectation: nothing here takes nearly as long, even on a busy machine.
pub(crate) const GUARD: Duration = Duration::from_secs(120);

/// A running servent.
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Process {
    /// Starts a servent that keeps all it has below `home`, on a port of loopback that nobody else has.
    pub(crate) fn start(home: &Path, arguments: &[&str]) -> Self {
        let mut command = command(home);
        command
            .args(["--data", "data", "--listen", "127.0.0.1:0"])
            .args(arguments);
        Self::spawn(command)
    }

    /// The same after `ulimit` with `limit`.
    pub(crate) fn start_with_files(home: &Path, limit: &str, arguments: &[&str]) -> Self {
        let mut command = at_home(home, "sh");
        let limited = format!("ulimit {limit}; exec \"$0\" \"$@\"");
        command
            .args(["-c", &limited, env!("CARGO_BIN_EXE_servent")])
            .args(["--data", "data", "--listen", "127.0.0.1:0"])
            .args(arguments);
        Self::spawn(command)
    }

    /// Starts `command`, which comes from [`command`].
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let stdin = child.stdin.take();
        let stdout = lines(child.stdout.take().expect("it is piped"));
        let stderr = lines(child.stderr.take().expect("it is piped"));
        Self {
            child,
            stdin,
            stdout,
            stderr,
        }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Types a line.
    pub(crate) fn tell(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("the input is still open");
        writeln!(stdin, "{line}").expect("it still reads");
    }

    /// Writes bytes that need not be text.
    pub(crate) fn tell_bytes(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("the input is still open");
        stdin.write_all(bytes).expect("it still reads");
    }

    /// Types a line; false when nobody reads it any more.
    pub(crate) fn try_tell(&mut self, line: &str) -> bool {
        let stdin = self.stdin.as_mut().expect("the input is still open");
        writeln!(stdin, "{line}").is_ok()
    }

    /// The next line of data.
    pub(crate) fn line(&self) -> String {
        self.stdout
            .recv_timeout(GUARD)
            .expect("a further line of data")
    }

    /// The next line of data, as JSON.
    pub(crate) fn json(&self) -> Value {
        json(&self.line())
    }

    /// The next line of talk that holds `part`.
    pub(crate) fn said(&self, part: &str) -> String {
        let until = Instant::now() + GUARD;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self
                .stderr
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("it never said `{part}`"));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Where it listens; asks it, so it must run with `--json`.
    pub(crate) fn address(&mut self) -> String {
        self.tell("status");
        let status = self.json();
        status["listen"].as_str().expect("an address").to_owned()
    }

    /// Waits until all that is shared is hashed.
    pub(crate) fn hashed(&mut self, files: u64) {
        let until = Instant::now() + GUARD;
        loop {
            self.tell("status");
            let library = self.json()["library"].clone();
            if library["files"] == files && library["unhashed"] == 0 {
                return;
            }
            assert!(Instant::now() < until, "still hashing: {library}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(sent.expect("there is a kill program").success());
    }

    /// Stops reading its data, as `head` does.
    pub(crate) fn stop_reading(&mut self) {
        // The thread that reads ends at its next line, and closes the pipe.
        self.stdout = channel().1;
    }

    /// Ends its input and waits for its end: its exit code and all that it printed.
    pub(crate) fn end(mut self) -> Ended {
        drop(self.stdin.take());
        self.end_by_itself()
    }

    /// Waits for its end while its input stays open.
    pub(crate) fn end_by_itself(mut self) -> Ended {
        let status = self.wait();
        Ended {
            code: status.code(),
            data: self.stdout.iter().collect(),
            talk: self.stderr.iter().collect(),
        }
    }

    fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + GUARD;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(Instant::now() < until, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has ended already, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a servent left.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// The lines of stdout that were not read before.
    pub(crate) data: Vec<String>,
    /// The lines of stderr that were not read before.
    pub(crate) talk: Vec<String>,
}

impl Ended {
    /// Its data as JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.data.iter().map(|line| json(line)).collect()
    }
}

/// The program, at home in `home` and knowing nothing of the user's own folders and files.
pub(crate) fn command(home: &Path) -> Command {
    at_home(home, env!("CARGO_BIN_EXE_servent"))
}

fn at_home(home: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(home)
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("xdg"))
        .env("XDG_CONFIG_HOME", home.join("xdg"))
        .env_remove("RUST_LOG");
    command
}

/// A fresh home, with a name without meaning for what may be shared.
pub(crate) fn home() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"))
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    lines
}
