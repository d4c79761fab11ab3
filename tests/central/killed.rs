//! A servent that is killed while a user of an index gives it a file.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use servent::central::Limits;
use servent::central::server::Server;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::caller::{guarded, index};
use crate::member::pattern;
use crate::strangers::Stranger;

/// How often it is killed.
const KILLS: usize = 3;

/// Bytes that come in each of its lives before the stranger breaks off, and again before it is killed.
const PORTION: usize = 100_000;

/// Bytes that are asked for again, to be held against what is here.
const OVERLAP: usize = 1_024;

/// A servent of this home, in a process of its own that ends with the test.
fn life(home: &Path, server: &Server) -> Child {
    Command::new(env!("CARGO_BIN_EXE_servent"))
        .current_dir(home)
        .env("HOME", home)
        .args(["--data", "data", "--listen", "127.0.0.1:0", "--quiet"])
        .args(["--search", "index", "--index", &server.listen().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the program was built")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_gave_survives_being_killed() {
    guarded(async {
        let home = TempDir::new().expect("a folder");
        let server = index(Limits::default()).await;
        let bytes = pattern(2 * KILLS * PORTION + 7);
        let mut stranger = Stranger::new(&server, &bytes).await;
        let mut commands = &b"search lives\nget 1\n"[..];
        let mut sure = 0;
        for kill in 1..=KILLS {
            let mut servent = life(home.path(), &server);
            let mut typed = servent.stdin.take().expect("it is piped");
            typed.write_all(commands).await.expect("it reads");
            commands = b"";
            let (broken_off, begun) = ((2 * kill - 1) * PORTION, 2 * kill * PORTION);
            let asked = stranger.give(broken_off).await;
            // What came before the kill may have been kept, or not.
            let known = sure..=sure + PORTION;
            assert!(known.contains(&asked), "{asked} and not {known:?}");
            let (asked, peer) = stranger.begin_to_give(None, begun).await;
            assert_eq!(asked, broken_off - OVERLAP, "what came was kept");
            servent.kill().await.expect("it runs");
            drop(peer);
            sure = asked;
        }
        let _servent = life(home.path(), &server);
        stranger.give(bytes.len()).await;
        let finished = home.path().join("downloads/9 lives.mp3");
        while !finished.exists() {
            sleep(Duration::from_millis(5)).await;
        }
        assert!(std::fs::read(finished).expect("it is there") == bytes);
    })
    .await;
}
