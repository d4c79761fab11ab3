//! One servent of a village: its process, and the way to it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Stdio, id};

use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::{LOOK_EVERY, Plan};
use crate::api::{Client, Pass};

/// A servent in a process of its own.
#[derive(Debug)]
pub(super) struct Resident {
    /// Killed when dropped. It holds the other end of the servent's stdin.
    child: Child,
    home: PathBuf,
    /// Once it is up.
    way: Option<(Client, SocketAddr)>,
}

impl Resident {
    /// Starts one that keeps all it has in `home`, which is made.
    pub(super) fn start(
        plan: &Plan,
        home: &Path,
        degree: usize,
        shares: &[(String, String)],
    ) -> io::Result<Self> {
        let shared = home.join("shared");
        fs::create_dir_all(&shared)?;
        for (name, content) in shares {
            fs::write(shared.join(name), content)?;
        }
        // It knows nobody, and reads nobody's configuration.
        fs::write(home.join("nobody.txt"), "")?;
        let index = plan.index.map(|index| format!("--index={index}"));
        let child = Command::new(&plan.program)
            .args(["--child-of", &id().to_string()])
            .args(["--degree", &degree.to_string()])
            .args(["--daemon", "--quiet", "--role", "ultrapeer"])
            .args(["--listen", "127.0.0.1:0", "--bootstrap", "nobody.txt"])
            .args([
                "--share",
                "shared",
                "--data",
                "data",
                "--downloads",
                "downloads",
            ])
            .args(["--search", &plan.search])
            .args(index)
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(fs::File::create(home.join("log"))?)
            // Ctrl-C is for the founder alone.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            child,
            home: home.to_owned(),
            way: None,
        })
    }

    /// Returns once it answers and has read all it shares, `files` of them.
    pub(super) async fn up(&mut self, files: usize) -> io::Result<()> {
        let data = self.home.join("data");
        loop {
            if let Some(status) = self.child.try_wait()? {
                let words = fs::read_to_string(self.home.join("log")).unwrap_or_default();
                let words = words.lines().last().unwrap_or("it said nothing");
                return Err(io::Error::other(format!(
                    "a servent ended ({status}): {words}"
                )));
            }
            if let Ok(pass) = Pass::read(&data) {
                let listen = pass.listen;
                let client = Client::new(pass);
                let library = client.status().await?["library"].clone();
                if library["files"] == files && library["unhashed"] == 0 {
                    self.way = Some((client, listen));
                    return Ok(());
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// A caller of it.
    pub(super) fn client(&self) -> &Client {
        &self.way().0
    }

    /// Where it listens.
    pub(super) fn listen(&self) -> SocketAddr {
        self.way().1
    }

    fn way(&self) -> &(Client, SocketAddr) {
        self.way
            .as_ref()
            .expect("a village is founded once all are up")
    }

    /// The number of its process, while that runs.
    pub(super) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it: there is nothing it would have to save.
    pub(super) async fn end(&mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "a servent could not be ended");
        }
    }
}
