//! What is lost when something dies, and what is not.

use std::time::{Duration, Instant};

use servent::central::Limits;
use servent::central::server::{Server, Standing};

use crate::caller::{ANYWHERE, Caller, guarded};
use crate::front::{Front, front, share, there, until_found};
use crate::postgres::{Postgres, block_on};

/// No file of a dead index is found longer.
const GHOSTS: Duration = Duration::from_secs(10);

pub(crate) fn a_killed_index_leaves_no_ghosts(postgres: &Postgres, name: &str) {
    postgres.database(name);
    block_on(guarded(async {
        let doomed = Front::start(postgres, name);
        let other = front(postgres, name).await;
        let mut alice = Caller::log_in(doomed.listen, "alice", 1).await;
        for n in 0..50 {
            share(&mut alice, &format!("song {n}.mp3")).await;
        }
        let mut carol = Caller::log_in(other.listen(), "carol", 1).await;
        share(&mut carol, "song of carol.mp3").await;
        let mut bob = Caller::log_in(other.listen(), "bob", 1).await;
        until_found(&mut bob, "song", 51).await;

        doomed.process.signal("KILL");
        let killed = Instant::now();
        until_found(&mut bob, "song", 1).await;
        let took = killed.elapsed();
        assert!(took < GHOSTS, "{took:?}");
        // Carol's user and file, the terms of its name, and bob.
        while postgres.rows(name) != 1 + 1 + 4 + 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // Who was there comes again, to another index.
        let mut alice = Caller::log_in(other.listen(), "alice", 1).await;
        share(&mut alice, "song 1.mp3").await;
        until_found(&mut bob, "song", 2).await;
    }));
}

pub(crate) fn an_index_that_was_taken_for_dead_comes_back(postgres: &Postgres, name: &str) {
    postgres.database(name);
    block_on(guarded(async {
        let stopped = Front::start(postgres, name);
        let other = front(postgres, name).await;
        let mut alice = Caller::log_in(stopped.listen, "alice", 1).await;
        share(&mut alice, "song.mp3").await;
        let mut bob = Caller::log_in(other.listen(), "bob", 1).await;
        until_found(&mut bob, "song", 1).await;
        stopped.process.signal("STOP");
        until_found(&mut bob, "song", 0).await;
        stopped.process.signal("CONT");
        until_found(&mut bob, "song", 1).await;
    }));
}

pub(crate) fn indexes_outlive_their_store(postgres: &Postgres, name: &str) {
    postgres.database(name);
    block_on(guarded(async {
        let (one, two) = (front(postgres, name).await, front(postgres, name).await);
        let mut alice = Caller::log_in(one.listen(), "alice", 1).await;
        share(&mut alice, "song of alice.mp3").await;
        let mut bob = Caller::log_in(two.listen(), "bob", 1).await;
        share(&mut bob, "song of bob.mp3").await;
        let mut carol = Caller::log_in(two.listen(), "carol", 1).await;
        until_found(&mut carol, "song", 2).await;

        postgres.crash();
        let mut standing = two.store();
        let away = standing.wait_for(|standing| matches!(standing, Standing::Away(_)));
        away.await.expect("it still runs");
        until_found(&mut carol, "song", 1).await;
        // What changes meanwhile is not forgotten.
        share(&mut alice, "another song of alice.mp3").await;
        drop(bob);

        postgres.resume();
        there(&one).await;
        there(&two).await;
        until_found(&mut carol, "song", 2).await;
        until_found(&mut carol, "another song", 1).await;
        assert_eq!(carol.count("bob").await, 0);
    }));
}

pub(crate) fn an_index_waits_for_its_store(postgres: &Postgres, name: &str) {
    postgres.database(name);
    postgres.crash();
    block_on(guarded(async {
        let store = postgres.store(name);
        let one = Server::share(ANYWHERE, Limits::default(), store)
            .await
            .expect("a port");
        let mut alice = Caller::log_in(one.listen(), "alice", 1).await;
        share(&mut alice, "song.mp3").await;
        let mut standing = one.store();
        let away = standing.wait_for(|standing| matches!(standing, Standing::Away(_)));
        away.await.expect("it still runs");
        postgres.resume();
        let two = front(postgres, name).await;
        let mut bob = Caller::log_in(two.listen(), "bob", 1).await;
        until_found(&mut bob, "song", 1).await;
    }));
}
