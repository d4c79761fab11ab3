//! The ultrapeer in a process of its own: this program again, told so by its first word.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use servent::net::{Servent, Settings};
use servent::overlay::{Config, RoleChoice};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::sleep;

/// The first word of the program that is to be the ultrapeer.
pub(crate) const WORD: &str = "ultrapeer";

/// A word in the name of every file it shares.
pub(crate) const COMMON: &str = "common";

/// How it is to be.
pub(crate) struct Plan {
    /// Slots for leaves.
    pub(crate) leaves: usize,
    /// Files it shares.
    pub(crate) files: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            leaves: Config::default().leaves,
            files: 0,
        }
    }
}

/// The ultrapeer, seen from outside.
pub(crate) struct House {
    pub(crate) listen: SocketAddrV4,
    child: Child,
    ask: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _home: TempDir,
}

/// What it uses (Linux; zeros elsewhere).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Bytes of memory.
    pub(crate) resident: usize,
    /// The most there ever were.
    pub(crate) peak: usize,
    /// Time on a core.
    pub(crate) cpu: Duration,
}

/// What it says of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    /// Leaves whose tables are complete.
    pub(crate) tables: usize,
    /// Files that are hashed.
    pub(crate) files: u64,
    pub(crate) shed: u64,
    pub(crate) dropped: u64,
}

impl House {
    pub(crate) async fn start(plan: &Plan) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let share = home.path().join("share");
        std::fs::create_dir(&share).expect("a folder");
        for file in 0..plan.files {
            let name = format!("{COMMON} thing number {file}.txt");
            let path = share.join(name);
            std::fs::write(&path, file.to_string()).expect("a file");
            // What has only just been written is looked at again and again.
            let open = File::options().write(true).open(path).expect("a file");
            open.set_modified(SystemTime::UNIX_EPOCH).expect("our file");
        }
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .args([WORD, &plan.leaves.to_string()])
            .arg(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("this program once more");
        let ask = child.stdin.take().expect("piped");
        let mut answers = BufReader::new(child.stdout.take().expect("piped")).lines();
        let listen = answers
            .next_line()
            .await
            .expect("a pipe")
            .expect("its address");
        let mut house = Self {
            listen: listen.parse().expect("its address"),
            child,
            ask,
            answers,
            _home: home,
        };
        while house.told().await.files < plan.files as u64 {
            sleep(Duration::from_millis(50)).await;
        }
        house
    }

    pub(crate) async fn told(&mut self) -> Told {
        self.ask.write_all(b"?\n").await.expect("it listens");
        let line = self
            .answers
            .next_line()
            .await
            .expect("a pipe")
            .expect("an answer");
        let mut numbers = line
            .split(' ')
            .map(|number| number.parse().expect("a number"));
        let mut next = || numbers.next().expect("four numbers");
        Told {
            tables: next() as usize,
            files: next(),
            shed: next(),
            dropped: next(),
        }
    }

    pub(crate) async fn wait_for_tables(&mut self, count: usize) {
        while self.told().await.tables < count {
            sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        let process = self.child.id().expect("it runs");
        let read = |name: &str| {
            std::fs::read_to_string(format!("/proc/{process}/{name}")).unwrap_or_default()
        };
        let (status, stat) = (read("status"), read("stat"));
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.unwrap_or(0_usize) * 1024
        };
        // After the name in its brackets: user and system time, in hundredths of a second.
        let ticks = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split(' ')
            .skip(12)
            .take(2);
        let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Usage {
            resident: kib("VmRSS:"),
            peak: kib("VmHWM:"),
            cpu: Duration::from_millis(ticks * 10),
        }
    }

    /// Ends it, and with it every link.
    pub(crate) async fn stop(mut self) {
        drop(self.ask);
        self.child.wait().await.expect("it ends");
    }
}

/// The life of the ultrapeer: says where it listens, answers every line with four numbers, ends with its input.
pub(crate) fn live(arguments: &[String]) {
    let [leaves, home] = arguments else {
        panic!("slots for leaves and a folder");
    };
    let home = std::path::Path::new(home);
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let settings = Settings {
        share: vec![home.join("share")],
        listen: vec![any],
        overlay: Config {
            role: RoleChoice::Ultrapeer,
            leaves: leaves.parse().expect("a number"),
            grow: false,
            ..Config::default()
        },
        ..Settings::new(home)
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let servent = Servent::start(settings).await.expect("a port");
        println!("{}", servent.listen());
        let mut questions = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(_)) = questions.next_line().await {
            let status = servent.status().await;
            let leaf = |peer: &&servent::net::PeerStatus| peer.table.is_some();
            let tables = servent.peers().await.iter().filter(leaf).count();
            println!(
                "{tables} {} {} {}",
                status.files, status.shed, status.counts.dropped
            );
        }
        servent.stop().await;
    });
}
