//! A visit by itself.

use tokio::net::TcpListener;
use tokio::time::advance;

use super::*;

#[tokio::test(start_paused = true)]
async fn searches_that_are_never_answered_take_the_room_of_none_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let index = listener.local_addr().expect("bound");
    let stream = TcpStream::connect(index).await.expect("it listens");
    let mut visit = Visit::over(stream, b"us", &Default::default());
    let ask = |visit: &mut Visit| {
        let (hits, found) = mpsc::channel(1);
        let text = "song".to_owned();
        visit.run(Errand::Search { text, hits });
        found
    };
    for _ in 0..MOST_WAITING {
        assert!(visit.has_room());
        // Whoever asked has gone since.
        drop(ask(&mut visit));
    }
    assert!(!visit.has_room());
    advance(Duration::from_secs(60)).await;
    let mut found = ask(&mut visit);
    visit.on_tick().expect("it is not silent for long");
    assert!(visit.has_room());
    let hit = br#""a song" 0 5 128 44100 60 bob 16777343 9"#;
    let asked = visit.searches.front_mut().expect("the last one");
    asked.found(&Hit::parse(hit).expect("a hit"));
    assert!(found.try_recv().is_ok(), "it comes to whoever asked last");
}
