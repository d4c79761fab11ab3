//! Datagrams on real sockets.

use std::net::SocketAddrV4;
use std::time::Duration;

use servent::net::Servent;
use servent::overlay::{self, Config};
use servent::wire::{
    Descriptor, Ggep, Guid, Kind, Ping, Pong, Query, QueryFlags, QueryHit, VendorMeaning,
    VendorMessage, datagram,
};
use tokio::io::AsyncWriteExt;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::network::{LOOPBACK_ANY, PATIENCE, eventually, settings};
use crate::stranger::Stranger;

/// How long nothing must come before we say that nothing does.
const SILENCE: Duration = Duration::from_millis(300);

/// A socket that counts.
struct Far {
    socket: UdpSocket,
    addr: SocketAddrV4,
    sent: usize,
    received: usize,
}

impl Far {
    async fn new() -> Self {
        let socket = UdpSocket::bind(LOOPBACK_ANY).await.expect("a port");
        let addr = match socket.local_addr().expect("bound") {
            std::net::SocketAddr::V4(addr) => addr,
            std::net::SocketAddr::V6(_) => unreachable!("bound to IPv4"),
        };
        Self {
            socket,
            addr,
            sent: 0,
            received: 0,
        }
    }

    async fn say(&mut self, to: SocketAddrV4, what: &Descriptor) {
        let bytes = datagram::write(what);
        self.sent += bytes.len();
        self.socket.send_to(&bytes, to).await.expect("sent");
    }

    async fn hear(&mut self) -> Option<Descriptor> {
        let mut buffer = vec![0; 65_535];
        let heard = timeout(SILENCE, self.socket.recv_from(&mut buffer)).await;
        let (len, _) = heard.ok()?.expect("a datagram");
        self.received += len;
        Some(datagram::read(&buffer[..len]).expect("one descriptor"))
    }

    async fn hear_now(&mut self) -> Descriptor {
        timeout(PATIENCE, async {
            loop {
                if let Some(heard) = self.hear().await {
                    break heard;
                }
            }
        })
        .await
        .expect("in time")
    }

    /// Sends back a ping.
    async fn prove(&mut self, to: SocketAddrV4, ping: &Descriptor) {
        assert_eq!(ping.header.kind, Kind::Ping);
        let pong = Pong {
            addr: self.addr,
            files: 0,
            kib: 0,
            ggep: Ggep::new(),
        };
        let pong = Descriptor::new(ping.header.guid, Kind::Pong, 1, pong.encode());
        self.say(to, &pong).await;
    }
}

async fn start(
    name: &str,
    change: impl FnOnce(&mut servent::net::Settings),
) -> (tempfile::TempDir, Servent) {
    try_start(name, change).await.expect("started")
}

async fn try_start(
    name: &str,
    change: impl FnOnce(&mut servent::net::Settings),
) -> std::io::Result<(tempfile::TempDir, Servent)> {
    let folder = tempfile::tempdir().expect("a folder");
    let share = folder.path().join("share");
    std::fs::create_dir_all(&share).expect("a folder");
    for number in 0..2 {
        std::fs::write(share.join(format!("{name} {number}.txt")), name).expect("a file");
    }
    let mut settings = settings(folder.path(), Config::default());
    change(&mut settings);
    let servent = Servent::start(settings).await?;
    let counted = |census: &servent::librarian::Census| census.files == 2;
    servent
        .census()
        .wait_for(counted)
        .await
        .expect("a librarian");
    Ok((folder, servent))
}

#[tokio::test]
async fn a_ping_is_challenged_and_then_answered_with_hosts() {
    let (_folder, servent) = start("song", |_| {}).await;
    let _neighbour = Stranger::call(servent.listen(), false)
        .await
        .expect("welcome");
    let mut far = Far::new().await;
    let mut ggep = Ggep::new();
    ggep.push("SCP", vec![1]);
    let guid = Guid([7; 16]);
    let ping = Descriptor::new(guid, Kind::Ping, 1, Ping { ggep }.encode());
    far.say(servent.listen(), &ping).await;
    let challenge = far.hear_now().await;
    assert!(far.received <= far.sent);
    far.prove(servent.listen(), &challenge).await;
    let answer = far.hear_now().await;
    assert_eq!((answer.header.kind, answer.header.guid), (Kind::Pong, guid));
    let pong = Pong::decode(&answer.payload).expect("a pong");
    assert_eq!(pong.addr, servent.listen());
    assert!(pong.ggep.get("UDPHC").is_some());
    assert!(far.received <= 10 * far.sent);

    // A datagram that is not one descriptor to the byte is nothing.
    let before = servent.status().await.lost_datagrams;
    far.socket
        .send_to(b"junk", servent.listen())
        .await
        .expect("sent");
    eventually("the junk is counted", || async {
        servent.status().await.lost_datagrams > before
    })
    .await;
    servent.stop().await;
}

#[tokio::test]
async fn a_servent_that_knows_only_a_cache_finds_the_others() {
    let (_here, hub) = start("one", |_| {}).await;
    let (_there, other) = start("two", |settings| settings.bootstrap = vec![hub.listen()]).await;
    eventually("both are linked", || async {
        hub.peers().await.len() == 1 && other.peers().await.len() == 1
    })
    .await;
    let (_new, newcomer) = start("three", |settings| settings.caches = vec![hub.listen()]).await;
    eventually("the newcomer is linked to whom the cache named", || async {
        let peers = newcomer.peers().await;
        peers.iter().any(|peer| peer.host == other.listen())
    })
    .await;
    for servent in [newcomer, other, hub] {
        servent.stop().await;
    }
}

/// A query by TCP that names the address of somebody by UDP.
async fn ask(neighbour: &mut Stranger, asker: SocketAddrV4) -> Guid {
    let mut query = Query::words("song");
    query.flags.0 |= QueryFlags::OUT_OF_BAND;
    query.extensions.ggep.push("SO", Vec::new());
    let guid = Guid::random(&mut servent::rng::Rng::system()).with_address(asker);
    let mut query = Descriptor::new(guid, Kind::Query, 1, query.encode());
    query.header.hops = 1;
    let bytes = datagram::write(&query);
    neighbour.socket.write_all(&bytes).await.expect("it reads");
    guid
}

#[tokio::test]
async fn hits_go_by_udp_to_whoever_proves_that_he_asked_and_to_nobody_else() {
    let (_folder, servent) = start("song", |_| {}).await;
    let mut neighbour = Stranger::call(servent.listen(), false)
        .await
        .expect("welcome");
    let (mut asker, mut victim) = (Far::new().await, Far::new().await);

    let query = ask(&mut neighbour, victim.addr).await;
    let offer = victim.hear_now().await;
    assert_eq!(offer.header.guid, query);
    for _ in 0..50 {
        ask(&mut neighbour, victim.addr).await;
    }
    assert_eq!(
        victim.hear().await,
        None,
        "one small offer, and not one more"
    );
    assert!(victim.received < 40);

    let query = ask(&mut neighbour, asker.addr).await;
    let offer = asker.hear_now().await;
    let message = VendorMessage::decode(&offer.payload).expect("a vendor message");
    assert!(matches!(
        VendorMeaning::read(&message),
        Ok(Some(VendorMeaning::OobOffer { hits: 2, .. }))
    ));
    let claim = VendorMeaning::OobClaim {
        hits: 255,
        token: Some(b"token".to_vec().into()),
    };
    let kind = Kind::Vendor { standard: false };
    let ttl = 1 | datagram::TAKES_DEFLATED;
    let claim = Descriptor::new(query, kind, ttl, claim.message().encode());
    asker.say(servent.listen(), &claim).await;
    let challenge = asker.hear_now().await;
    asker.prove(servent.listen(), &challenge).await;
    let hit = asker.hear_now().await;
    assert_eq!((hit.header.kind, hit.header.guid), (Kind::QueryHit, query));
    let hit = QueryHit::decode(&hit.payload).expect("a hit");
    assert_eq!(hit.records.len(), 2);
    assert_eq!(
        hit.trailer.ggep.get("SO").expect("our token")[..],
        *b"token"
    );
    assert_eq!(victim.hear().await, None);
    servent.stop().await;
}

#[tokio::test]
async fn three_in_a_line_and_the_hit_takes_the_short_way() {
    let near = || Config {
        search: overlay::SearchBy::Flood,
        // Tests of reach are made in rounds: every quarter of this.
        keep_alive: Duration::from_millis(200),
        grow: false,
        ..Config::default()
    };
    let (_first, asker) = start("ballad", |settings| settings.overlay = near()).await;
    let (_second, middle) = start("tune", |settings| settings.overlay = near()).await;
    let (_third, holder) = start("song", |settings| settings.overlay = near()).await;
    asker.connect(middle.listen()).await.expect("a link");
    middle.connect(holder.listen()).await.expect("a link");
    // A stranger's datagram says that the asker can be reached.
    let mut far = Far::new().await;
    let ping = Descriptor::new(Guid([7; 16]), Kind::Ping, 1, Ping::default().encode());
    far.say(asker.listen(), &ping).await;
    eventually("the asker knows that it can be reached", || async {
        asker.status().await.reachable[1].word() == "yes"
    })
    .await;
    let mut search = asker.search(Query::words("song"), None).await;
    let found = timeout(PATIENCE, search.hits.recv())
        .await
        .expect("in time");
    let found = found.expect("a hit");
    assert_eq!((found.hit.servent, found.hops), (holder.guid(), 1));
    assert!(found.hit.trailer.ggep.get("SO").is_some());
    let passed = middle.status().await.counts.sent.query_hit;
    assert_eq!(passed, 0, "nobody between had to carry it");
    for servent in [asker, middle, holder] {
        servent.stop().await;
    }
}

#[tokio::test]
async fn neighbours_tell_each_other_whether_they_can_be_reached() {
    let near = |settings: &mut servent::net::Settings| {
        settings.overlay.keep_alive = Duration::from_millis(200);
    };
    let (_first, one) = start("one", near).await;
    let (_second, two) = start("two", |settings| {
        near(settings);
        settings.bootstrap = vec![one.listen()];
    })
    .await;
    eventually("each knows that connections come in", || async {
        let reachable = [
            one.status().await.reachable[0],
            two.status().await.reachable[0],
        ];
        reachable.iter().all(|one| one.word() == "yes")
    })
    .await;
    eventually("one of them knows that datagrams do", || async {
        let reachable = [
            one.status().await.reachable[1],
            two.status().await.reachable[1],
        ];
        reachable.iter().any(|one| one.word() == "yes")
    })
    .await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_servent_whose_udp_port_is_taken_goes_without_and_says_so() {
    // The same port may be taken for TCP, by another test: then another one.
    let (squatter, (_folder, servent)) = loop {
        let squatter = Far::new().await;
        let listen = vec![squatter.addr];
        match try_start("song", |settings| settings.listen = listen).await {
            Ok(started) => break (squatter, started),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse),
        }
    };
    assert_eq!(servent.listen(), squatter.addr);
    let reachable = servent.status().await.reachable[1];
    assert_eq!(reachable.word(), "no");
    assert!(reachable.reason().contains("socket"), "{reachable}");
    servent.stop().await;
}
