//! The secret behind every proof: codes that only we can make and that nobody need be remembered for.
//!
//! The one rule: a code holds for one address and for ten minutes at most. It is an HMAC (RFC 2104, with SHA-1) over the
//! address under a key that is thrown anew every five minutes; the former key still counts.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::time::Duration;

use sha1::{Digest, Sha1};

use crate::rng::Rng;
use crate::time::Time;
use crate::wire::Guid;

/// Two keys and the time of the newer one.
#[derive(Debug)]
pub(super) struct Secret {
    key: Key,
    former: Option<Key>,
    since: Time,
}

type Key = [u8; 24];

impl Secret {
    /// A fresh one.
    pub(super) fn new(now: Time, rng: &mut Rng) -> Self {
        Self {
            key: throw(rng),
            former: None,
            since: now,
        }
    }

    /// Takes a new key when the present one is old.
    pub(super) fn turn(&mut self, now: Time, rng: &mut Rng) {
        let age = now.since(self.since);
        if age >= LIFETIME {
            let former = std::mem::replace(&mut self.key, throw(rng));
            self.former = (age < LIFETIME * 2).then_some(former);
            self.since = now;
        }
    }

    /// The GUID of a ping to `addr`: whoever sends it back stands there.
    pub(super) fn challenge(&self, addr: SocketAddrV4, rng: &mut Rng) -> Guid {
        self.seal(Use::Challenge, addr, rng)
    }

    /// Whether `guid` is that of a ping of ours to `addr`.
    pub(super) fn knows_challenge(&self, addr: SocketAddrV4, guid: &Guid) -> bool {
        self.knows_seal(Use::Challenge, addr, guid)
    }

    /// The GUID of the ping that a neighbour at `ip` is asked to send us.
    pub(super) fn test(&self, ip: Ipv4Addr, rng: &mut Rng) -> Guid {
        self.seal(Use::Test, SocketAddrV4::new(ip, 0), rng)
    }

    /// Whether a ping from `ip` with this GUID was asked for.
    pub(super) fn knows_test(&self, ip: Ipv4Addr, guid: &Guid) -> bool {
        self.knows_seal(Use::Test, SocketAddrV4::new(ip, 0), guid)
    }

    /// What hits from `addr` for the query of this GUID must bear.
    pub(super) fn token(&self, addr: SocketAddrV4, query: &Guid) -> [u8; CODE] {
        code(&self.key, Use::Token, addr, &query.0)
    }

    /// Whether `token` is what they must bear.
    pub(super) fn knows_token(&self, addr: SocketAddrV4, query: &Guid, token: &[u8]) -> bool {
        self.keys()
            .any(|key| code(key, Use::Token, addr, &query.0) == token)
    }

    /// A GUID that is random but for a code.
    fn seal(&self, what: Use, addr: SocketAddrV4, rng: &mut Rng) -> Guid {
        let mut guid = Guid::random(rng);
        let code = code(&self.key, what, addr, &guid.0[..NONCE]);
        guid.0[SEAL].copy_from_slice(&code);
        guid
    }

    fn knows_seal(&self, what: Use, addr: SocketAddrV4, guid: &Guid) -> bool {
        let nonce = &guid.0[..NONCE];
        self.keys()
            .any(|key| code(key, what, addr, nonce) == guid.0[SEAL])
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.key).chain(&self.former)
    }
}

/// What a code is for: one never stands for the other.
#[derive(Clone, Copy)]
enum Use {
    Challenge = 1,
    Token = 2,
    Test = 3,
}

fn throw(rng: &mut Rng) -> Key {
    let mut key = Key::default();
    for part in key.chunks_exact_mut(8) {
        part.copy_from_slice(&rng.next().to_le_bytes());
    }
    key
}

fn code(key: &Key, what: Use, addr: SocketAddrV4, about: &[u8]) -> [u8; CODE] {
    let pad = |with: u8| {
        let mut block = [with; BLOCK];
        block
            .iter_mut()
            .zip(key)
            .for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha1::new()
        .chain_update(pad(0x36))
        .chain_update([what as u8])
        .chain_update(addr.ip().octets())
        .chain_update(addr.port().to_le_bytes())
        .chain_update(about)
        .finalize();
    let outer = Sha1::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize();
    let mut code = [0; CODE];
    code.copy_from_slice(&outer[..CODE]);
    code
}

/// How long a key is the newest one.
const LIFETIME: Duration = Duration::from_secs(300);

/// Bytes of a code: a guess in 2^48, and short enough that two offers of hits pay for the ping and the claim they cost
/// us (see the ledger).
pub(super) const CODE: usize = 6;

/// Bytes of a sealed GUID that are thrown.
const NONCE: usize = 8;

/// Where its code stands: behind them and the mark in byte 8.
const SEAL: Range<usize> = NONCE + 1..NONCE + 1 + CODE;

/// What SHA-1 eats at a time.
const BLOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new([44, 1, 0, 1].into(), port)
    }

    #[test]
    fn the_codes_are_hmacs() {
        // RFC 2202, test case 1, has a shorter key; padded with zeros it is the same key.
        let mut key = Key::default();
        key[..20].fill(0x0b);
        let pad = |with: u8| {
            let mut block = [with; BLOCK];
            block
                .iter_mut()
                .zip(&key)
                .for_each(|(byte, key)| *byte ^= key);
            block
        };
        let inner = Sha1::new()
            .chain_update(pad(0x36))
            .chain_update(b"Hi There")
            .finalize();
        let outer = Sha1::new()
            .chain_update(pad(0x5c))
            .chain_update(inner)
            .finalize();
        assert_eq!(outer[..4], [0xb6, 0x17, 0x31, 0x86]);
    }

    #[test]
    fn a_challenge_is_known_at_its_address_only() {
        let mut rng = Rng::seeded(1);
        let secret = Secret::new(Time::ZERO, &mut rng);
        let guid = secret.challenge(addr(1), &mut rng);
        assert_eq!((guid.0[8], guid.0[15]), (0xff, 0));
        assert!(secret.knows_challenge(addr(1), &guid));
        assert!(!secret.knows_challenge(addr(2), &guid));
        assert!(!secret.knows_challenge(addr(1), &Guid::random(&mut rng)));
        assert!(
            !secret.knows_test(*addr(1).ip(), &guid),
            "one is not for the other"
        );
        assert_ne!(secret.challenge(addr(1), &mut rng), guid);
    }

    #[test]
    fn a_token_holds_for_one_query_and_ten_minutes_at_most() {
        let mut rng = Rng::seeded(1);
        let (query, other) = (Guid::random(&mut rng), Guid::random(&mut rng));
        let mut secret = Secret::new(Time::ZERO, &mut rng);
        let token = secret.token(addr(1), &query);
        assert!(!secret.knows_token(addr(1), &other, &token));
        assert!(!secret.knows_token(addr(2), &query, &token));
        assert!(!secret.knows_token(addr(1), &query, &token[..5]));
        for (second, holds) in [(299, true), (300, true), (599, true), (600, false)] {
            secret.turn(Time::from_secs(second), &mut rng);
            assert_eq!(
                secret.knows_token(addr(1), &query, &token),
                holds,
                "{second}"
            );
        }
        let token = secret.token(addr(1), &query);
        secret.turn(Time::from_secs(1_200), &mut rng);
        assert!(
            !secret.knows_token(addr(1), &query, &token),
            "both keys are old"
        );
    }
}
