//! Downloads with more sources than can be tried at once.

use super::*;

#[tokio::test]
async fn a_hundred_dead_sources_do_not_keep_the_next_one_away() {
    let right = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    let (sham, guest) = (Sham::telling([right]).await, Guest::open());
    // Nobody listens there: who is connected to is refused at once.
    let dead = (1..=120).map(|host| Source::at(SocketAddrV4::new([127, 9, 9, host].into(), 1)));
    let wanted = Wanted {
        sources: dead.chain([Source::at(sham.addr)]).collect(),
        ..sham.wanted()
    };
    let end = guest.get(wanted).await;
    assert_eq!((end.state, end.why), (DownloadState::Complete, None));
}

#[tokio::test]
async fn who_was_given_up_and_is_seen_again_is_asked_again() {
    let gone = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let right = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    let queued = "HTTP/1.1 503 Busy\r\nX-Queue: position=9,pollMin=600,pollMax=900\r\n\
                  Content-Length: 0\r\n\r\n";
    let (waiting, back) = (
        Sham::telling([queued]).await,
        Sham::telling([gone, right]).await,
    );
    let guest = Guest::open();
    let wanted = Wanted {
        sources: [waiting.addr, back.addr].map(Source::at).into(),
        ..waiting.wanted()
    };
    let id = guest.downloads.start(wanted).expect("it begins");
    let is_alone = |status: &DownloadStatus| status.place.is_some() && status.sources == 1;
    guest.until(id, is_alone).await;
    assert!(guest.downloads.add_source(id, Source::at(back.addr)));
    let end = guest.until(id, |status| status.state.is_final()).await;
    assert_eq!((end.state, end.why), (DownloadState::Complete, None));
}

#[tokio::test]
async fn whoever_names_others_without_end_does_not_fill_the_memory() {
    let guest = Guest::open();
    let ticket = Ticket::new(NAME.to_owned(), Some(10), Some(digest(BYTES)));
    let status = watch::Sender::new(DownloadStatus::new(DownloadId(1), NAME.to_owned()));
    let (shared, orders) = (
        Arc::clone(&guest.downloads.shared),
        mpsc::unbounded_channel().1,
    );
    let mut job = Job::new(
        shared,
        DownloadId(1),
        ticket,
        orders,
        status,
        Arc::default(),
    );
    let told =
        (0..2 * MOST_SOURCES as u32).map(|host| Source::at(SocketAddrV4::new(host.into(), 9)));
    let taken = told
        .clone()
        .filter_map(|source| job.add(source, MOST_SOURCES))
        .count();
    assert_eq!((taken, job.contacts.len()), (MOST_SOURCES, MOST_SOURCES));
    let known = told.filter_map(|source| job.add(source, MOST_SOURCES));
    assert!(known.map(|(_, is_new)| is_new).eq([false; MOST_SOURCES]));
}
