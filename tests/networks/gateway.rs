//! Gateways that pass our port through: asked with `public` only, told when it is over, and not asked for what is another's.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::time::Duration;

use servent::net::{GatewayNews, Servent};
use servent::overlay::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::network::{LOOPBACK_ANY, PATIENCE, nothing_public, settings};

/// What a gateway was asked: for which protocol, for which port, for how many seconds; none to take it back.
type Wish = (&'static str, u16, Option<u32>);

/// A gateway that lives as long as this does.
struct Gateway {
    addr: SocketAddrV4,
    wishes: UnboundedReceiver<Wish>,
    _tasks: JoinSet<()>,
}

impl Gateway {
    async fn next(&mut self) -> Wish {
        let wish = timeout(PATIENCE, self.wishes.recv()).await;
        wish.expect("in time").expect("it lives")
    }

    /// One that speaks NAT-PMP (RFC 6886) and no PCP, and grants `lease` seconds at most.
    async fn nat_pmp(at: Ipv4Addr, lease: u32) -> Self {
        let socket = UdpSocket::bind((at, 5351)).await.expect("a port");
        let (tell, wishes) = unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut packet = [0; 1_100];
            while let Ok((length, from)) = socket.recv_from(&mut packet).await {
                let number = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
                let answer = match packet[..length] {
                    // Another version: it speaks version 0 alone.
                    [2, ..] => vec![0, 128, 0, 1, 0, 0, 0, 9],
                    [0, protocol @ 1..=2, ..] if length == 12 => {
                        let inside = number(4);
                        let life = u32::from(number(8)) << 16 | u32::from(number(10));
                        let name = if protocol == 1 { "UDP" } else { "TCP" };
                        let _ = tell.send((name, inside, (life > 0).then_some(life)));
                        let outside = if life == 0 { 0 } else { 40_000 };
                        let mut answer = vec![0, 128 + protocol, 0, 0, 0, 0, 0, 9];
                        answer.extend(inside.to_be_bytes());
                        answer.extend(u16::to_be_bytes(outside));
                        answer.extend(life.min(lease).to_be_bytes());
                        answer
                    }
                    _ => continue,
                };
                let _ = socket.send_to(&answer, from).await;
            }
        });
        Self {
            addr: SocketAddrV4::new(at, 5351),
            wishes,
            _tasks: tasks,
        }
    }

    /// One that speaks UPnP IGD, and has `taken` ports for somebody else already.
    async fn upnp(taken: &'static [&'static str]) -> Self {
        let search = UdpSocket::bind(LOOPBACK_ANY).await.expect("a port");
        let pages = TcpListener::bind(LOOPBACK_ANY).await.expect("a port");
        let port = |addr: std::io::Result<std::net::SocketAddr>| addr.expect("bound").port();
        let (here, web) = (port(search.local_addr()), port(pages.local_addr()));
        let (tell, wishes) = unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut packet = [0; 1_500];
            while let Ok((_, from)) = search.recv_from(&mut packet).await {
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nST: {SERVICE}\r\nLOCATION: http://127.0.0.1:{web}/device\r\n\r\n"
                );
                let _ = search.send_to(answer.as_bytes(), from).await;
            }
        });
        tasks.spawn(async move {
            while let Ok((stream, _)) = pages.accept().await {
                serve_page(stream, &tell, taken).await;
            }
        });
        Self {
            addr: SocketAddrV4::new(Ipv4Addr::LOCALHOST, here),
            wishes,
            _tasks: tasks,
        }
    }
}

const SERVICE: &str = "urn:schemas-upnp-org:service:WANIPConnection:1";

/// Answers one request of UPnP: the description of the device, that of its service, or a wish.
async fn serve_page(
    mut stream: TcpStream,
    tell: &UnboundedSender<Wish>,
    taken: &[&str],
) -> Option<()> {
    let request = read_request(&mut stream).await?;
    let path = request.split(' ').nth(1)?;
    let body = match path {
        "/device" => format!(
            "<root><device><serviceList><service><serviceType>{SERVICE}</serviceType>\
             <controlURL>/control</controlURL><SCPDURL>/service</SCPDURL></service></serviceList></device></root>"
        ),
        "/service" => {
            let action = |name: &str, arguments: &[&str]| {
                let argument = |name: &&str| {
                    format!("<argument><name>{name}</name><direction>in</direction></argument>")
                };
                let arguments: String = arguments.iter().map(argument).collect();
                format!(
                    "<action><name>{name}</name><argumentList>{arguments}</argumentList></action>"
                )
            };
            let port = ["NewRemoteHost", "NewExternalPort", "NewProtocol"];
            let mapping = [
                "NewInternalPort",
                "NewInternalClient",
                "NewEnabled",
                "NewPortMappingDescription",
                "NewLeaseDuration",
            ];
            format!(
                "<scpd><actionList>{}{}</actionList></scpd>",
                action("AddPortMapping", &[&port[..], &mapping[..]].concat()),
                action("DeletePortMapping", &port)
            )
        }
        "/control" => {
            let field = |name: &str| {
                let (_, rest) = request.split_once(&format!("<{name}>"))?;
                rest.split('<').next()
            };
            let protocol = if field("NewProtocol")? == "TCP" {
                "TCP"
            } else {
                "UDP"
            };
            let lease = field("NewLeaseDuration").map(|lease| lease.parse().expect("a number"));
            let _ = tell.send((protocol, field("NewExternalPort")?.parse().ok()?, lease));
            let answer = match lease {
                None => "<DeletePortMappingResponse/>",
                Some(_) if taken.contains(&protocol) => {
                    "<Fault><detail><UPnPError><errorCode>718</errorCode>\
                     <errorDescription>Conflict</errorDescription></UPnPError></detail></Fault>"
                }
                Some(_) => "<AddPortMappingResponse/>",
            };
            format!("<Envelope><Body>{answer}</Body></Envelope>")
        }
        _ => return None,
    };
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all((head + &body).as_bytes()).await.ok()
}

/// A request with its body.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        stream
            .read_buf(&mut bytes)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.split_once("content-length: ").and_then(|(_, rest)| {
                let number = rest.lines().next()?;
                number.trim().parse().ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
    }
}

/// A servent whose gateway is asked `at` this address, and looked for at that one.
async fn servent(home: &Path, at: Ipv4Addr, upnp: Option<SocketAddrV4>) -> Servent {
    let mut here = settings(home, Config::default());
    let mut public = nothing_public();
    public.gateway = Some(at);
    public.upnp = upnp.unwrap_or(public.upnp);
    here.public = Some(public);
    Servent::start(here).await.expect("started")
}

/// The news, as soon as `steps` ways have been tried.
async fn news(servent: &Servent, steps: usize) -> GatewayNews {
    let told = async {
        loop {
            let news = servent.status().await.gateway;
            if news.steps.len() == steps && news.next.is_some() {
                return news;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, told).await.expect("noted")
}

#[tokio::test]
async fn a_mapping_is_renewed_by_what_was_granted_and_taken_back() {
    // An address of loopback that no other test listens on.
    let mut gateway = Gateway::nat_pmp(Ipv4Addr::new(127, 53, 51, 1), 2).await;
    let folders = tempfile::tempdir().expect("folders");
    let here = servent(folders.path(), *gateway.addr.ip(), None).await;
    let port = here.listen().port();
    for protocol in ["TCP", "UDP"] {
        assert_eq!(gateway.next().await, (protocol, port, Some(3_600)));
    }
    let news = news(&here, 1).await;
    assert_eq!(news.steps[0].outcome, Ok(40_000));
    assert!(
        news.next <= Some(Duration::from_secs(1)),
        "half of two seconds"
    );
    for protocol in ["TCP", "UDP"] {
        let (renewed, _, lease) = gateway.next().await;
        assert_eq!((renewed, lease.is_some()), (protocol, true));
    }
    here.stop().await;
    let mut taken_back = Vec::new();
    while taken_back.len() < 2 {
        let (protocol, at, lease) = gateway.next().await;
        assert_eq!(at, port);
        taken_back.extend(lease.is_none().then_some(protocol));
    }
    assert_eq!(taken_back, ["TCP", "UDP"]);
}

#[tokio::test]
async fn where_the_gateway_is_silent_upnp_helps() {
    let mut gateway = Gateway::upnp(&[]).await;
    let folders = tempfile::tempdir().expect("folders");
    let silent = Ipv4Addr::new(127, 53, 51, 2);
    let here = servent(folders.path(), silent, Some(gateway.addr)).await;
    let port = here.listen().port();
    for protocol in ["TCP", "UDP"] {
        assert_eq!(gateway.next().await, (protocol, port, Some(3_600)));
    }
    let news = news(&here, 2).await;
    assert!(news.steps[0].outcome.is_err());
    assert_eq!(news.steps[1].outcome, Ok(port));
    here.stop().await;
    for protocol in ["TCP", "UDP"] {
        assert_eq!(gateway.next().await, (protocol, port, None));
    }
}

#[tokio::test]
async fn what_is_anothers_is_let_be_and_half_a_mapping_is_taken_back() {
    let mut gateway = Gateway::upnp(&["UDP"]).await;
    let folders = tempfile::tempdir().expect("folders");
    let silent = Ipv4Addr::new(127, 53, 51, 3);
    let here = servent(folders.path(), silent, Some(gateway.addr)).await;
    let port = here.listen().port();
    let news = news(&here, 2).await;
    let why = news.steps[1].outcome.as_ref().expect_err("half is nothing");
    assert!(why.starts_with("127.0.0.1: "), "{why}");
    assert!(news.next > Some(Duration::from_secs(1_700)), "{news:?}");
    here.stop().await;
    let mut wishes = Vec::new();
    while let Ok(wish) = gateway.wishes.try_recv() {
        wishes.push(wish);
    }
    assert_eq!(
        wishes,
        [
            ("TCP", port, Some(3_600)),
            ("UDP", port, Some(3_600)),
            ("TCP", port, None)
        ]
    );
}
