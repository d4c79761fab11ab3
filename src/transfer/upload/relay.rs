//! Joining two to whom nobody can connect: one asks us, the other has us for its push proxy and is told to connect to us,
//! and what either sends from then on is passed on to the other.
//!
//! The one rule: it is our owner's line, so nothing is passed on unless he said how many bytes an hour may be, and these are
//! a limit whatever else happens: so many connections at once, few of them anybody's, none for long, none silent, and no
//! more than a quarter of the hour's bytes for any.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::transfer::limit::Limit;

/// Pairs joined at once, and those in which one asker may be.
const PAIRS: usize = 8;
const PAIRS_OF_ONE: usize = 2;

/// A pair gets this part of the hour's bytes at most, so that one file is not all that anybody gets.
const PART: u64 = 4;

/// How long a pair is joined at most: whoever needs more asks again, behind those who wait.
const LONGEST: Duration = Duration::from_secs(600);

/// How long neither may say anything.
const SILENCE: Duration = Duration::from_secs(60);

/// What is read at a time.
const BUFFER: usize = 16 * 1024;

const HOUR: Duration = Duration::from_secs(3600);

/// How it stands with relaying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayStatus {
    /// The bytes that may be passed on in an hour; 0: we do not relay.
    pub hourly: u64,
    /// Those passed on in this hour.
    pub spent: u64,
    /// Pairs joined at the moment.
    pub pairs: usize,
}

/// All pairs.
#[derive(Debug, Default)]
pub(super) struct Relays(Mutex<Ledger>);

#[derive(Debug, Default)]
struct Ledger {
    hourly: u64,
    /// When the hour began, and what was passed on in it.
    hour: Option<Instant>,
    spent: u64,
    /// Who asked for the pairs.
    askers: Vec<Ipv4Addr>,
}

/// Why two are not joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRelay {
    /// We never do.
    Never,
    /// There are too many, or the hour's bytes are spent.
    NotNow,
}

/// A pair's place.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    relays: &'a Relays,
    asker: Ipv4Addr,
    /// What it may still pass on.
    left: Mutex<u64>,
}

impl Relays {
    /// Passes on so many bytes an hour from now on; 0 for none.
    pub(super) fn set(&self, hourly: u64) {
        self.ledger().hourly = hourly;
    }

    pub(super) fn status(&self) -> RelayStatus {
        let ledger = self.ledger();
        RelayStatus {
            hourly: ledger.hourly,
            spent: ledger.spent,
            pairs: ledger.askers.len(),
        }
    }

    /// A place for a pair.
    ///
    /// # Errors
    /// There is none, for good or for now.
    pub(super) fn seat(&self, asker: Ipv4Addr) -> Result<Pair<'_>, NoRelay> {
        let mut ledger = self.ledger();
        let own = ledger.askers.iter().filter(|known| **known == asker);
        let crowded = own.count() >= PAIRS_OF_ONE || ledger.askers.len() >= PAIRS;
        match ledger.left() {
            _ if ledger.hourly == 0 => Err(NoRelay::Never),
            0 => Err(NoRelay::NotNow),
            _ if crowded => Err(NoRelay::NotNow),
            _ => {
                ledger.askers.push(asker);
                Ok(Pair {
                    relays: self,
                    asker,
                    left: Mutex::new(ledger.hourly.div_ceil(PART)),
                })
            }
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// What may be passed on yet in this hour.
    fn left(&mut self) -> u64 {
        let now = Instant::now();
        if self.hour.is_none_or(|began| now - began >= HOUR) {
            (self.hour, self.spent) = (Some(now), 0);
        }
        self.hourly.saturating_sub(self.spent)
    }
}

impl Pair<'_> {
    /// Passes on what either sends, `ahead` of the far one first, until one of them has enough or the pair has had its part.
    ///
    /// # Errors
    /// Those of the sockets.
    pub(super) async fn join(
        &self,
        near: &mut TcpStream,
        (mut far, ahead): (TcpStream, BytesMut),
        limit: &Limit,
    ) -> io::Result<()> {
        let _ = far.set_nodelay(true);
        let ahead = &ahead[..self.take(ahead.len())];
        near.write_all(ahead).await?;
        let (mut asks, mut hears) = near.split();
        let (mut answers, mut told) = far.split();
        let both = async {
            tokio::select! {
                asked = self.pass(&mut asks, &mut told, limit) => asked,
                answered = self.pass(&mut answers, &mut hears, limit) => answered,
            }
        };
        let silent = async {
            let mut before = None;
            while before != Some(self.left()) {
                before = Some(self.left());
                sleep(SILENCE).await;
            }
        };
        tokio::select! {
            ended = timeout(LONGEST, both) => ended.unwrap_or(Ok(())),
            () = silent => Ok(()),
        }
    }

    async fn pass(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        limit: &Limit,
    ) -> io::Result<()> {
        let (mut tap, mut buffer) = (limit.files(), vec![0; BUFFER]);
        loop {
            let turn = tap.turn(BUFFER as u64).await;
            let room = usize::try_from(turn).unwrap_or(BUFFER);
            let read = from.read(&mut buffer[..room]).await?;
            let granted = self.take(read);
            to.write_all(&buffer[..granted]).await?;
            tap.passed(granted as u64);
            if read == 0 || granted < read {
                return Ok(());
            }
        }
    }

    /// Books bytes; tells how many of them may be passed on.
    fn take(&self, count: usize) -> usize {
        let mut ledger = self.relays.ledger();
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = (count as u64).min(*left).min(ledger.left());
        *left -= granted;
        ledger.spent += granted;
        usize::try_from(granted).unwrap_or(count)
    }

    fn left(&self) -> u64 {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pair<'_> {
    fn drop(&mut self) {
        let askers = &mut self.relays.ledger().askers;
        if let Some(at) = askers.iter().position(|asker| *asker == self.asker) {
            askers.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const ASKER: Ipv4Addr = Ipv4Addr::new(44, 1, 0, 1);

    fn relays(hourly: u64) -> Relays {
        let relays = Relays::default();
        relays.set(hourly);
        relays
    }

    async fn sockets() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port");
        let addr = listener.local_addr().expect("bound");
        let (near, far) = tokio::join!(TcpStream::connect(addr), listener.accept());
        (near.expect("it listens"), far.expect("it called").0)
    }

    #[test]
    fn few_are_joined_and_nobody_by_who_never_said_so() {
        let refusal = |asked: Result<Pair<'_>, NoRelay>| asked.err();
        assert_eq!(refusal(relays(0).seat(ASKER)), Some(NoRelay::Never));
        let relays = relays(1000);
        let mut pairs: Vec<_> = (0..PAIRS_OF_ONE)
            .map(|_| relays.seat(ASKER).expect("there is room"))
            .collect();
        assert_eq!(refusal(relays.seat(ASKER)), Some(NoRelay::NotNow));
        for other in 2..=u8::try_from(PAIRS).expect("few") - 1 {
            let other = Ipv4Addr::new(44, 1, 0, other);
            pairs.push(relays.seat(other).expect("there is room"));
        }
        let late = relays.seat(Ipv4Addr::new(44, 1, 0, 99));
        assert_eq!(refusal(late), Some(NoRelay::NotNow));
        assert_eq!(pairs.len(), PAIRS);
        pairs.clear();
        assert_eq!(relays.status().pairs, 0);
        assert!(relays.seat(ASKER).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pair_gets_a_quarter_and_all_together_the_hours_bytes() {
        let relays = relays(1000);
        for spent in [250, 500, 750, 1000] {
            let pair = relays.seat(ASKER).expect("there is room");
            assert_eq!((pair.take(200), pair.take(200)), (200, 50));
            assert_eq!(relays.status().spent, spent);
        }
        assert_eq!(relays.seat(ASKER).err(), Some(NoRelay::NotNow));
        tokio::time::advance(HOUR).await;
        assert_eq!(relays.seat(ASKER).expect("a new hour").take(9), 9);
        assert_eq!(relays.status().spent, 9);
    }

    #[tokio::test]
    async fn what_either_sends_reaches_the_other_until_the_part_is_spent() {
        let relays = relays(4 * 10);
        let pair = relays.seat(ASKER).expect("there is room");
        let ((mut asker, mut near), (far, mut source)) = (sockets().await, sockets().await);
        let talk = async {
            asker.write_all(b"ask").await.expect("joined");
            let mut asked = [0; 3];
            source.read_exact(&mut asked).await.expect("joined");
            source.write_all(b"answers").await.expect("joined");
            let mut answer = Vec::new();
            // It is cut off, which may be told by a reset.
            let _ = asker.read_to_end(&mut answer).await;
            (asked, answer)
        };
        let joined = async {
            let ahead = BytesMut::from(&b"*"[..]);
            let limit = Limit::default();
            let joined = pair.join(&mut near, (far, ahead), &limit);
            joined.await.expect("no socket fails");
            near.shutdown().await.expect("it is open");
        };
        let ((asked, answer), ()) = tokio::join!(talk, joined);
        assert_eq!((&asked, &*answer), (b"ask", &b"*answer"[..]));
    }

    #[tokio::test(start_paused = true)]
    async fn two_who_say_nothing_are_parted() {
        let relays = relays(1000);
        let pair = relays.seat(ASKER).expect("there is room");
        let ((_asker, mut near), (far, _source)) = (sockets().await, sockets().await);
        let began = Instant::now();
        let limit = Limit::default();
        let joined = pair.join(&mut near, (far, BytesMut::new()), &limit);
        joined.await.expect("no socket fails");
        assert!(began.elapsed() <= 2 * SILENCE);
    }
}
