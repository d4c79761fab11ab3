//! Files to and from clients of other makes, the way of Napster's peers.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use servent::central::server::Server;
use servent::central::{Kind, Limits};
use servent::net::SearchHit;
use servent::transfer::{DownloadId, DownloadState, Priority};

use crate::caller::{ANYWHERE, Caller, guarded, index};
use crate::member::{Member, names, pattern};

/// The name under which a stranger shares its file.
pub(crate) const FILE: &str = "C:\\m\\9 lives.mp3";

/// A client of another make, which shares a file.
pub(crate) struct Stranger {
    caller: Caller,
    door: TcpListener,
    bytes: Vec<u8>,
}

impl Stranger {
    pub(crate) async fn new(server: &Server, bytes: &[u8]) -> Self {
        let door = TcpListener::bind(ANYWHERE).await.expect("a port");
        let port = door.local_addr().expect("bound").port();
        let mut caller = Caller::log_in(server.listen(), "stranger", port).await;
        let size = bytes.len();
        let file = format!("\"{FILE}\" NOMD5COMPUTED {size} 128 44100 1");
        caller.send(Kind::SHARE, &file).await;
        let bytes = bytes.to_vec();
        Self {
            caller,
            door,
            bytes,
        }
    }

    /// Is asked for the file, and lets it be fetched.
    async fn allow(&mut self) {
        let ask = self.caller.body(Kind::UPLOAD).await;
        assert!(ask.ends_with(&format!(" \"{FILE}\"")), "{ask}");
        self.caller.send(Kind::UPLOAD_ACK, &ask).await;
    }

    /// Lets the file be fetched, up to a byte and no further; from which one it was asked for.
    pub(crate) async fn give(&mut self, up_to: usize) -> usize {
        self.give_from(None, up_to).await
    }

    /// The same from a byte that nobody asked for.
    async fn give_from(&mut self, from: Option<usize>, up_to: usize) -> usize {
        self.begin_to_give(from, up_to).await.0
    }

    /// The same; the asker waits for more as long as the connection is held.
    pub(crate) async fn begin_to_give(
        &mut self,
        from: Option<usize>,
        up_to: usize,
    ) -> (usize, TcpStream) {
        self.allow().await;
        let (mut peer, _) = self.door.accept().await.expect("it comes");
        peer.write_all(b"1").await.expect("taken");
        let asked = self.request(&mut peer, "GET").await;
        let size = self.bytes.len().to_string();
        peer.write_all(size.as_bytes()).await.expect("taken");
        let bytes = &self.bytes[from.unwrap_or(asked)..up_to];
        peer.write_all(bytes).await.expect("taken");
        (asked, peer)
    }

    /// The same where the asker has to be connected to.
    async fn bring(&mut self, up_to: usize) -> usize {
        self.allow().await;
        let place = self.caller.body(Kind::PUSH_ACK).await;
        let port = place.split(' ').nth(2).and_then(|port| port.parse().ok());
        let mut to = ANYWHERE;
        to.set_port(port.expect("a port"));
        let mut peer = TcpStream::connect(to).await.expect("it listens");
        let size = self.bytes.len();
        let offer = format!("SENDstranger \"{FILE}\" {size}");
        peer.write_all(offer.as_bytes()).await.expect("taken");
        assert_eq!(peer.read_u8().await.expect("hello"), b'1');
        let mut digits = [0; 20];
        let count = peer.read(&mut digits).await.expect("an answer");
        let text = std::str::from_utf8(&digits[..count]).expect("digits");
        let from = text.parse().expect("a number");
        let bytes = &self.bytes[from..up_to];
        peer.write_all(bytes).await.expect("taken");
        from
    }

    /// Reads a request: from which byte on.
    async fn request(&self, peer: &mut TcpStream, word: &str) -> usize {
        let mut asked = [0; 128];
        let mut length = 0;
        loop {
            let text = std::str::from_utf8(&asked[..length]).expect("text");
            if let Some((_, number)) = text.split_once(&format!("\"{FILE}\" "))
                && let Ok(from) = number.parse()
            {
                assert!(text.starts_with(&format!("{word}servent-")), "{text}");
                return from;
            }
            length += peer.read(&mut asked[length..]).await.expect("it asks");
        }
    }
}

async fn find(asker: &Member) -> SearchHit {
    loop {
        let mut search = asker.servent.search_index("lives").await.expect("there");
        if let Some(hit) = search.hits.recv().await {
            assert_eq!(hit.hit.records[0].name, "9 lives.mp3");
            return hit;
        }
    }
}

async fn begin(asker: &Member, hit: &SearchHit) -> DownloadId {
    let (record, source) = (&hit.hit.records[0], hit.through.as_ref().expect("a user"));
    { &asker.servent }
        .fetch_through_index(source, &record.name, record.size, None)
        .await
        .expect("it is begun")
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_fetch_from_us() {
    guarded(async {
        let server = index(Limits::default()).await;
        let bytes = pattern(70_000);
        let owner = Member::start(server.listen(), &[("for all.bin", &bytes)], &[]).await;
        let mut stranger = Caller::log_in(server.listen(), "stranger", 1).await;
        while stranger.count("all bin").await == 0 {}
        stranger.send(Kind::SEARCH, "FILENAME CONTAINS all").await;
        let hit = stranger.body(Kind::HIT).await;
        let nick = hit.split(' ').rev().nth(2).expect("a nick").to_owned();
        let ask = format!("{nick} \"\\for all.bin\"");
        stranger.send(Kind::DOWNLOAD, &ask).await;
        let port = owner.servent.listen().port();
        let answer = stranger.body(Kind::DOWNLOAD_ACK).await;
        assert!(
            answer.starts_with(&format!("{nick} 16777343 {port} ")),
            "{answer}"
        );

        // One that speaks at once, and one that waits to be greeted.
        for waits in [false, true] {
            let mut peer = TcpStream::connect(owner.servent.listen())
                .await
                .expect("open");
            if waits {
                assert_eq!(peer.read_u8().await.expect("hello"), b'1');
            }
            peer.write_all(b"GET").await.expect("taken");
            peer.write_all(b"stranger \"\\for all.bin\" 1000")
                .await
                .expect("taken");
            let mut got = Vec::new();
            peer.read_to_end(&mut got).await.expect("to its end");
            let head: &[u8] = if waits { b"70000" } else { b"170000" };
            assert_eq!(&got[..head.len()], head);
            assert_eq!(&got[head.len()..], &bytes[1000..]);
        }
        for (asked, answer) in [
            ("GETstranger \"no such\" 0", &b"1FILE NOT SHARED"[..]),
            ("GETstranger \"\\for all.bin\" 70001", b"1INVALID REQUEST"),
        ] {
            let mut peer = TcpStream::connect(owner.servent.listen())
                .await
                .expect("open");
            peer.write_all(asked.as_bytes()).await.expect("taken");
            let mut got = Vec::new();
            peer.read_to_end(&mut got).await.expect("to its end");
            assert_eq!(got, answer);
        }

        // One that cannot be connected to by us is what we are to it: it lets us bring the file.
        let door = TcpListener::bind(ANYWHERE).await.expect("a port");
        let port = door.local_addr().expect("bound").port();
        stranger.send(Kind::PORT_ERROR, &nick).await;
        stranger.send(Kind::NEW_PORT, &port.to_string()).await;
        loop {
            stranger.send(Kind::PUSH, &ask).await;
            stranger.send(Kind::PING_SERVER, "").await;
            let frames = stranger.until(Kind::PING_SERVER).await;
            if frames.iter().all(|frame| frame.kind != Kind::TROUBLE) {
                break;
            }
        }
        let (mut peer, _) = door.accept().await.expect("it comes");
        peer.write_all(b"1").await.expect("taken");
        let offer = format!(
            "SEND{}",
            "stranger \"\\for all.bin\" 70000".replace("stranger", &nick)
        );
        let mut said = vec![0; offer.len()];
        peer.read_exact(&mut said).await.expect("an offer");
        let said = String::from_utf8(said).expect("text");
        assert!(
            said.starts_with("SEND") && said.contains("\"\\for all.bin\" 70000"),
            "{said}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn we_fetch_from_strangers() {
    guarded(async {
        let server = index(Limits::default()).await;
        // The bytes begin with a digit, right behind the size.
        let mut stranger = Stranger::new(&server, b"12345").await;
        let asker = Member::start(server.listen(), &[], &[]).await;
        let hit = find(&asker).await;
        let (fetched, from) = tokio::join!(asker.fetch(&hit), stranger.give(5));
        assert_eq!((fetched, from), (Ok(b"12345".to_vec()), 0));

        let refuse = async {
            stranger.allow().await;
            let (mut peer, _) = stranger.door.accept().await.expect("it comes");
            peer.write_all(b"1").await.expect("taken");
            stranger.request(&mut peer, "GET").await;
            peer.write_all(b"FILE NOT FOUND").await.expect("taken");
        };
        let (fetched, ()) = tokio::join!(asker.fetch(&hit), refuse);
        let failed = fetched.expect_err("it was not sent");
        assert!(failed.contains("FILE NOT FOUND"), "{failed}");
        // Its owner leaves.
        drop(stranger);
        let lives = || async { asker.servent.search_index("lives").await.expect("there") };
        while !names(lives().await).await.is_empty() {}
        let failed = asker.fetch(&hit).await.expect_err("nobody is there");
        assert!(failed.contains("has left"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_goes_on_whoever_connects() {
    guarded(async {
        let server = index(Limits::default()).await;
        let bytes = pattern(5_000);
        let mut stranger = Stranger::new(&server, &bytes).await;
        let asker = Member::start(server.listen(), &[], &[]).await;
        let hit = find(&asker).await;
        for firewalled in [false, true] {
            if firewalled {
                stranger.caller.send(Kind::NEW_PORT, "0").await;
                stranger.caller.send(Kind::PING_SERVER, "").await;
                stranger.caller.until(Kind::PING_SERVER).await;
            }
            let lose = async {
                let mut from = Vec::new();
                for up_to in [3_000, 4_000, 5_000] {
                    from.push(match firewalled {
                        false => stranger.give(up_to).await,
                        true => stranger.bring(up_to).await,
                    });
                }
                from
            };
            let (fetched, from) = tokio::join!(asker.fetch(&hit), lose);
            assert_eq!(fetched.as_ref(), Ok(&bytes));
            // A little is asked for again.
            assert_eq!(from, [0, 3_000 - 1_024, 4_000 - 1_024]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_is_not_joined_to_what_came() {
    guarded(async {
        let server = index(Limits::default()).await;
        let mut stranger = Stranger::new(&server, &pattern(5_000)).await;
        let asker = Member::start(server.listen(), &[], &[]).await;
        let hit = find(&asker).await;
        let change = async {
            stranger.give(3_000).await;
            stranger.bytes.reverse();
            stranger.give(5_000).await;
        };
        let (fetched, ()) = tokio::join!(asker.fetch(&hit), change);
        let failed = fetched.expect_err("it is another");
        assert!(failed.contains("another file"), "{failed}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_from_the_beginning_instead_is_put_there() {
    guarded(async {
        let server = index(Limits::default()).await;
        // Of the second nobody could tell where its bytes belong, but that there are too many.
        for (bytes, is_told_apart) in [(pattern(5_000), true), (vec![7; 5_000], false)] {
            let mut stranger = Stranger::new(&server, &bytes).await;
            let asker = Member::start(server.listen(), &[], &[]).await;
            let hit = find(&asker).await;
            let begin_anew = async {
                stranger.give(3_000).await;
                stranger.give_from(Some(0), 5_000).await;
            };
            let (fetched, ()) = tokio::join!(asker.fetch(&hit), begin_anew);
            match is_told_apart {
                true => assert_eq!(fetched, Ok(bytes)),
                false => assert!(fetched.expect_err("a doubt").contains("more than the rest")),
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_broke_off_goes_on_after_a_restart_and_can_be_left_alone_and_forgotten() {
    guarded(async {
        let server = index(Limits::default()).await;
        let bytes = pattern(5_000);
        let mut stranger = Stranger::new(&server, &bytes).await;
        let asker = Member::start(server.listen(), &[], &[]).await;
        let hit = find(&asker).await;
        let (id, _) = tokio::join!(begin(&asker, &hit), stranger.give(3_000));
        let downloads = asker.servent.downloads();
        let mut status = downloads.watch(id).expect("begun");
        status
            .wait_for(|status| status.why.is_some())
            .await
            .expect("it broke off");
        // Nobody is asked for a paused one, also when it was about to be.
        assert!(downloads.prefer(id, Priority::High) && downloads.pause(id));
        let is = |state| move |status: &servent::transfer::DownloadStatus| status.state == state;
        status
            .wait_for(is(DownloadState::Paused))
            .await
            .expect("paused");
        assert!(downloads.resume(id));
        status
            .wait_for(is(DownloadState::Waiting))
            .await
            .expect("resumed");
        assert_eq!(stranger.give(4_000).await, 3_000 - 1_024);
        status
            .wait_for(|status| status.done == 4_000)
            .await
            .expect("more came");

        let asker = asker.restart(server.listen()).await;
        let again = asker.servent.downloads().list();
        assert_eq!(again[0].priority, Priority::High);
        let (fetched, from) = tokio::join!(asker.finished(id), stranger.give(5_000));
        assert_eq!((fetched, from), (Ok(bytes.clone()), 4_000 - 1_024));

        let (id, _) = tokio::join!(begin(&asker, &hit), stranger.give(3_000));
        assert!(asker.servent.downloads().cancel(id));
        let asker = asker.restart(server.listen()).await;
        assert!(asker.servent.downloads().list().is_empty());
    })
    .await;
}
