//! The central index of a village: a process of its own, which says what it did whenever it is asked.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Stdio, id};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::{LOOK_EVERY, UP_WITHIN};
use crate::central::Load;

/// An answer takes as long as the frames that were there before it.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A running index. Dropped, it is gone.
#[derive(Debug)]
pub struct Centre {
    /// Killed when dropped.
    child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    listen: SocketAddr,
}

/// What an index has, and what it did for that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Users logged in.
    pub users: u64,
    /// Files they share.
    pub files: u64,
    /// Frames and bytes.
    pub load: Load,
}

impl Centre {
    /// Starts one that takes so many users from one address, and answers a search with as many files.
    ///
    /// # Errors
    /// It cannot be started, or does not say where it listens.
    pub async fn found(program: &Path, users: usize) -> io::Result<Self> {
        let users = users.to_string();
        let mut child = Command::new(program)
            .args(["index", "--json", "--child-of", &id().to_string()])
            .args(["--listen", "127.0.0.1:0", "--per-address", &users])
            .args(["--results", &users])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C is for the founder alone.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let gone = || io::Error::other("the index has no ends to talk by");
        let questions = child.stdin.take().ok_or_else(gone)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(gone)?).lines();
        let mut centre = Self {
            child,
            questions,
            answers,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let said = centre.line().await?;
        let listen = said["listen"].as_str().and_then(|text| text.parse().ok());
        centre.listen = listen.ok_or_else(|| io::Error::other("the index does not listen"))?;
        Ok(centre)
    }

    /// Where it listens.
    pub const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// What it did so far.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn count(&mut self) -> io::Result<Counted> {
        self.questions.write_all(b"\n").await?;
        let said = self.line().await?;
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let server = &said["server"];
        let [logins, registrations, searches] =
            ["logins", "registrations", "searches"].map(|name| number(&server[name]));
        Ok(Counted {
            users: number(&said["users"]),
            files: number(&said["files"]),
            load: Load {
                logins,
                registrations,
                searches,
                others: number(&server["messages_in"])
                    .saturating_sub(logins + registrations + searches),
                hits: number(&server["hits"]),
                answers: number(&server["messages_out"]),
                bytes_in: number(&server["bytes_in"]),
                bytes_out: number(&server["bytes_out"]),
            },
        })
    }

    /// Returns once so many users have registered so many files.
    ///
    /// # Errors
    /// It does not answer, or they never are so many.
    pub async fn filled(&mut self, users: u64, files: u64) -> io::Result<()> {
        let filled = async {
            loop {
                let counted = self.count().await?;
                if (counted.users, counted.files) == (users, files) {
                    return Ok(());
                }
                sleep(LOOK_EVERY).await;
            }
        };
        timeout(UP_WITHIN, filled).await.map_err(io::Error::from)?
    }

    /// Kills it, as a broken machine would: nobody is told.
    ///
    /// # Errors
    /// The system does not let us.
    pub async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    async fn line(&mut self) -> io::Result<Value> {
        let line = timeout(ANSWER_WITHIN, self.answers.next_line()).await??;
        let line = line.ok_or_else(|| io::Error::other("the index has ended"))?;
        serde_json::from_str(&line).map_err(io::Error::other)
    }
}
