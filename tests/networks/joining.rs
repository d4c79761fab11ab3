//! Ways into a network: what an earlier run knew, web caches, the gateway.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use servent::net::Servent;
use servent::overlay::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::timeout;

use crate::network::{LOOPBACK_ANY, PATIENCE, settings};

/// A web cache that answers everybody with `body`, in the manner of an old server; how often it was asked.
async fn web_cache(body: String) -> (SocketAddrV4, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(LOOPBACK_ANY).await.expect("a port");
    let Ok(std::net::SocketAddr::V4(addr)) = listener.local_addr() else {
        panic!("an IPv4 address")
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4_096];
            let read = stream.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..read]);
            let answer = match request.split(' ').nth(1) {
                Some(path) if path.starts_with("/moved?") => {
                    "HTTP/1.1 302 Found\r\nLocation: /gwc?get=1\r\nContent-Length: 0\r\n\r\n"
                        .to_owned()
                }
                Some(path) if path.starts_with("/gwc?") && path.contains("get=1") => {
                    count.fetch_add(1, Relaxed);
                    format!("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{body}")
                }
                _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (addr, asked)
}

async fn until_linked(servent: &Servent) {
    let mut neighbours = servent.neighbours();
    let linked = neighbours.wait_for(|count| *count > 0);
    timeout(PATIENCE, linked)
        .await
        .expect("in time")
        .expect("it runs");
}

#[tokio::test]
async fn a_web_cache_leads_in_where_nobody_else_does() {
    let folders = tempfile::tempdir().expect("folders");
    let there = settings(&folders.path().join("there"), Config::default());
    let there = Servent::start(there).await.expect("started");
    let (cache, asked) = web_cache(format!(
        "H|{}|60\nI|pong|A cache|gnutella\n",
        there.listen()
    ))
    .await;
    let mut here = settings(&folders.path().join("here"), Config::default());
    here.web_caches = vec![format!("http://{cache}/moved")];
    let here = Servent::start(here).await.expect("started");
    until_linked(&here).await;
    assert_eq!(asked.load(Relaxed), 1);
    let news = here.status().await.web_cache.expect("it was asked");
    assert_eq!(news.outcome, Ok(1));
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn nobody_asks_a_web_cache_who_has_company() {
    let folders = tempfile::tempdir().expect("folders");
    let (cache, asked) = web_cache(String::new()).await;
    let there = settings(&folders.path().join("there"), Config::default());
    let there = Servent::start(there).await.expect("started");
    let mut here = settings(&folders.path().join("here"), Config::default());
    here.web_caches = vec![format!("http://{cache}/gwc")];
    here.bootstrap = vec![there.listen()];
    let here = Servent::start(here).await.expect("started");
    until_linked(&here).await;
    assert_eq!(asked.load(Relaxed), 0);
    // As soon as the company is gone the cache is asked, so it was no fault of the cache's.
    there.stop().await;
    timeout(PATIENCE, async {
        while asked.load(Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("asked");
    let news = async {
        loop {
            if let Some(news) = here.status().await.web_cache {
                break news;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let news = timeout(PATIENCE, news).await.expect("noted");
    assert_eq!(news.outcome, Err("it told of no servent".to_owned()));
    assert_eq!(asked.load(Relaxed), 1);
    here.stop().await;
}

/// A gateway that speaks NAT-PMP (RFC 6886) and no PCP; what it was asked for: protocol, port, lifetime.
async fn gateway(
    at: Ipv4Addr,
) -> (
    tokio::task::JoinHandle<()>,
    tokio::sync::mpsc::UnboundedReceiver<(u8, u16, u32)>,
) {
    let socket = UdpSocket::bind((at, 5351)).await.expect("a port");
    let (tell, asked) = tokio::sync::mpsc::unbounded_channel();
    let task = tokio::spawn(async move {
        let mut packet = [0; 1_100];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            let number = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
            let answer = match packet[..length] {
                // Another version: it speaks version 0 alone.
                [2, ..] => vec![0, 128, 0, 1, 0, 0, 0, 9],
                [0, protocol @ 1..=2, ..] if length == 12 => {
                    let inside = number(4);
                    let life = u32::from(number(8)) << 16 | u32::from(number(10));
                    let _ = tell.send((protocol, inside, life));
                    let outside = if life == 0 { 0 } else { 40_000 };
                    let mut answer = vec![0, 128 + protocol, 0, 0, 0, 0, 0, 9];
                    answer.extend(inside.to_be_bytes());
                    answer.extend(u16::to_be_bytes(outside));
                    answer.extend(life.to_be_bytes());
                    answer
                }
                _ => continue,
            };
            let _ = socket.send_to(&answer, from).await;
        }
    });
    (task, asked)
}

#[tokio::test]
async fn the_gateway_is_asked_to_let_strangers_in_and_told_when_that_is_over() {
    // An address of loopback that no other test listens on.
    let at = Ipv4Addr::new(127, 53, 51, 1);
    let (task, mut asked) = gateway(at).await;
    let folders = tempfile::tempdir().expect("folders");
    let mut here = settings(
        folders.path(),
        Config {
            udp: false,
            ..Config::default()
        },
    );
    here.public = true;
    here.gateway = Some(at);
    let here = Servent::start(here).await.expect("started");
    let port = here.listen().port();
    for protocol in [2, 1] {
        let wish = timeout(PATIENCE, asked.recv()).await.expect("in time");
        assert_eq!(wish, Some((protocol, port, 3_600)));
    }
    let steps = async {
        loop {
            let steps = here.status().await.gateway;
            if !steps.is_empty() {
                break steps;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let steps = timeout(PATIENCE, steps).await.expect("noted");
    assert_eq!(steps[0].outcome, Ok(40_000));
    here.stop().await;
    for protocol in [2, 1] {
        let wish = timeout(PATIENCE, asked.recv()).await.expect("in time");
        assert_eq!(wish, Some((protocol, port, 0)), "it is taken back");
    }
    task.abort();
}
