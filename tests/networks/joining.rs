//! Ways into a network: host caches by UDP, web caches when nobody else helps; and whom nobody asks.

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use servent::net::{BootstrapSource, BootstrapStep, Servent};
use servent::overlay::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::network::{LOOPBACK_ANY, PATIENCE, nothing_public, settings};

/// What a web cache was asked, behind the question mark.
type Asked = Arc<Mutex<Vec<String>>>;

fn count(asked: &Asked) -> usize {
    asked.lock().expect("nobody panics").len()
}

/// A web cache that answers everybody with `body`, in the manner of an old server.
async fn web_cache(body: String) -> (SocketAddrV4, Asked) {
    let listener = TcpListener::bind(LOOPBACK_ANY).await.expect("a port");
    let Ok(std::net::SocketAddr::V4(addr)) = listener.local_addr() else {
        panic!("an IPv4 address")
    };
    let asked = Asked::default();
    let questions = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4_096];
            let read = stream.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..read]);
            let answer = match request
                .split(' ')
                .nth(1)
                .and_then(|path| path.split_once('?'))
            {
                Some(("/moved", _)) => {
                    "HTTP/1.1 302 Found\r\nLocation: /gwc?get=1\r\nContent-Length: 0\r\n\r\n"
                        .to_owned()
                }
                Some((path, question))
                    if path.starts_with("/gwc") && question.contains("get=1") =>
                {
                    questions
                        .lock()
                        .expect("nobody panics")
                        .push(question.to_owned());
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

/// What came of this source, as soon as it was asked.
async fn step(servent: &Servent, source: &BootstrapSource) -> BootstrapStep {
    let asked = async {
        loop {
            let steps = servent.status().await.bootstrap;
            let step = steps.into_iter().find(|step| step.source == *source);
            match step {
                Some(step) if step.outcome.is_some() => return step,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    timeout(PATIENCE, asked).await.expect("asked in time")
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
    let url = format!("http://{cache}/moved");
    let mut public = nothing_public();
    public.web_caches = vec![url.clone()];
    here.public = Some(public);
    let here = Servent::start(here).await.expect("started");
    until_linked(&here).await;
    assert_eq!(count(&asked), 1);
    let step = step(&here, &BootstrapSource::WebCache(url)).await;
    assert_eq!(step.outcome, Some(Ok(1)));
    let next = step.next.expect("not at once");
    assert!(next > Duration::from_secs(3_500) && next <= Duration::from_secs(3_600));
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
    let url = format!("http://{cache}/gwc");
    let mut public = nothing_public();
    public.web_caches = vec![url.clone()];
    here.public = Some(public);
    here.bootstrap = vec![there.listen()];
    let here = Servent::start(here).await.expect("started");
    until_linked(&here).await;
    assert_eq!(count(&asked), 0);
    // As soon as the company is gone the cache is asked, so it was no fault of the cache's.
    there.stop().await;
    let step = step(&here, &BootstrapSource::WebCache(url)).await;
    assert_eq!(step.outcome, Some(Err("it told of no servent".to_owned())));
    assert_eq!(count(&asked), 1);
    here.stop().await;
}

#[tokio::test]
async fn an_ultrapeer_that_strangers_reach_tells_a_web_cache_where_it_stands() {
    let folders = tempfile::tempdir().expect("folders");
    let (cache, asked) = web_cache("I|update|OK\n".to_owned()).await;
    let mut here = settings(&folders.path().join("here"), Config::default());
    let mut public = nothing_public();
    // Where it takes long until somebody comes, some of them are asked for others meanwhile.
    public.web_caches = (0..50).map(|n| format!("http://{cache}/gwc{n}")).collect();
    public.announce_every = Duration::from_millis(50);
    here.public = Some(public);
    let here = Servent::start(here).await.expect("started");
    let mut there = settings(&folders.path().join("there"), Config::default());
    there.bootstrap = vec![here.listen()];
    let there = Servent::start(there).await.expect("started");
    let told = format!("update=1&ip={}&net=gnutella", here.listen());
    let is_told = || {
        let asked = asked.lock().expect("nobody panics");
        asked.iter().any(|question| question.contains(&told))
    };
    let heard = async {
        while !is_told() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, heard).await.expect("told in time");
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn the_host_caches_of_the_public_network_are_asked_before_its_web_caches() {
    let folders = tempfile::tempdir().expect("folders");
    let there = settings(&folders.path().join("there"), Config::default());
    let there = Servent::start(there).await.expect("started");
    let mut third = settings(&folders.path().join("third"), Config::default());
    third.bootstrap = vec![there.listen()];
    let third = Servent::start(third).await.expect("started");
    until_linked(&there).await;
    let (cache, asked) = web_cache(String::new()).await;
    let mut here = settings(&folders.path().join("here"), Config::default());
    let mut public = nothing_public();
    // Every servent answers as a host cache does, and tells of its neighbours.
    public.udp_caches = vec![("localhost".to_owned(), there.listen().port())];
    public.web_caches = vec![format!("http://{cache}/gwc")];
    here.public = Some(public);
    let here = Servent::start(here).await.expect("started");
    until_linked(&here).await;
    let step = step(&here, &BootstrapSource::UdpCache(there.listen())).await;
    assert_eq!(step.outcome, Some(Ok(1)));
    assert!(step.next.is_some_and(|next| !next.is_zero()));
    assert_eq!(count(&asked), 0);
    for servent in [here, there, third] {
        servent.stop().await;
    }
}

#[tokio::test]
async fn a_servent_tells_what_it_began_with() {
    let folders = tempfile::tempdir().expect("folders");
    let dead = |last: u8| SocketAddrV4::new([127, 0, 0, last].into(), 1);
    let mut here = settings(folders.path(), Config::default());
    std::fs::create_dir_all(&here.data).expect("a folder");
    std::fs::write(here.data.join("hosts"), "127.0.0.9:1 proven\n").expect("written");
    here.connect = vec![dead(2)];
    here.bootstrap = vec![dead(3), dead(4)];
    let here = Servent::start(here).await.expect("started");
    let steps = here.status().await.bootstrap;
    let told = steps.into_iter().map(|step| (step.source, step.outcome));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (BootstrapSource::Saved, Some(Ok(1))),
            (BootstrapSource::Named, Some(Ok(1))),
            (BootstrapSource::File, Some(Ok(2))),
        ],
        "and nothing public"
    );
    here.stop().await;
}
