//! A servent that is a member of an index.

use std::collections::BTreeSet;
use std::net::SocketAddrV4;

use tempfile::TempDir;

use servent::net::{Search, SearchHit, Servent, Settings, Standing};
use servent::overlay;
use servent::transfer::{DownloadId, DownloadState};

use crate::caller::ANYWHERE;

pub(crate) struct Member {
    pub(crate) servent: Servent,
    pub(crate) home: TempDir,
}

impl Member {
    pub(crate) async fn start(
        index: SocketAddrV4,
        files: &[(&str, &[u8])],
        connect: &[&Self],
    ) -> Self {
        let home = TempDir::new().expect("a folder");
        let share = home.path().join("share");
        std::fs::create_dir(&share).expect("made");
        for (name, bytes) in files {
            std::fs::write(share.join(name), bytes).expect("written");
        }
        Self::at_home(home, index, connect).await
    }

    /// The same servent once more, when it was stopped.
    pub(crate) async fn restart(self, index: SocketAddrV4) -> Self {
        let Self { servent, home } = self;
        servent.stop().await;
        drop(servent);
        Self::at_home(home, index, &[]).await
    }

    async fn at_home(home: TempDir, index: SocketAddrV4, connect: &[&Self]) -> Self {
        let settings = Settings {
            share: vec![home.path().join("share")],
            listen: vec![ANYWHERE],
            connect: connect
                .iter()
                .map(|member| member.servent.listen())
                .collect(),
            index: Some(index),
            upload_slots: 4,
            deflate: false,
            overlay: overlay::Config {
                grow: false,
                udp: false,
                ..overlay::Config::default()
            },
            ..Settings::new(home.path())
        };
        let servent = Servent::start(settings).await.expect("it starts");
        let mut census = servent.census();
        let ready = |census: &servent::librarian::Census| census.scans > 0 && census.unhashed == 0;
        census.wait_for(ready).await.expect("a librarian");
        let member = Self { servent, home };
        member.present(true).await;
        member
    }

    pub(crate) async fn present(&self, wanted: bool) {
        let (_, mut standing) = self.servent.index().expect("a member");
        let present = |standing: &Standing| matches!(standing, Standing::Present { .. }) == wanted;
        standing.wait_for(present).await.expect("a membership");
    }

    pub(crate) fn add(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.home.path().join("share").join(name), bytes).expect("written");
        self.servent.rescan();
    }

    /// What the index finds, once it finds something with a digest.
    pub(crate) async fn find(&self, words: &str) -> SearchHit {
        loop {
            let mut search = self.servent.search_index(words).await.expect("it is there");
            if let Some(hit) = search.hits.recv().await
                && hit.hit.records[0].sha1().is_some()
            {
                return hit;
            }
        }
    }

    /// Fetches a hit; what then is on the disk.
    pub(crate) async fn fetch(&self, hit: &SearchHit) -> Result<Vec<u8>, String> {
        let record = &hit.hit.records[0];
        let source = hit.through.as_ref().expect("the index found it");
        let id = { &self.servent }
            .fetch_through_index(source, &record.name, record.size, record.sha1())
            .await
            .map_err(|why| why.to_string())?;
        self.finished(id).await
    }

    pub(crate) async fn finished(&self, id: DownloadId) -> Result<Vec<u8>, String> {
        let mut status = self.servent.downloads().watch(id).expect("it was begun");
        let over = { status.wait_for(|status| status.state.is_final()) }
            .await
            .expect("it ends")
            .clone();
        match over.state {
            DownloadState::Complete => Ok(std::fs::read(over.path.expect("a path")).expect("it")),
            _ => Err(over.why.unwrap_or_default()),
        }
    }
}

pub(crate) async fn names(mut search: Search) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    while let Some(hit) = search.hits.recv().await {
        names.extend(hit.hit.records.into_iter().map(|record| record.name));
    }
    names
}

pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251) as u8).collect()
}
