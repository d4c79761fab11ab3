//! Routing rules: TTL and hops.

use servent::overlay::{Horizon, TooFar};
use servent::wire::{Guid, Header, Kind};

use crate::Check;
use crate::vector::Vector;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[("ttl_hops_rule", ttl_hops_rule)];

/// LimeWire's rule with its soft limits of 3 and 4, under our hard limit. Pongs are not subject to it here or there.
fn ttl_hops_rule(vector: &Vector) {
    let byte = |field| u8::try_from(vector.number(field)).expect("a byte");
    let kind = match vector.text("type") {
        "query" => Kind::Query,
        "queryhit" => Kind::QueryHit,
        "pong" => Kind::Pong,
        other => panic!("`{other}` is no kind of this group"),
    };
    let arrived = Header {
        guid: Guid::ZERO,
        kind,
        ttl: byte("ttl"),
        hops: byte("hops"),
    };
    let horizon = Horizon {
        soft: byte("soft_max"),
        hard: 15,
    };
    let admitted = if kind == Kind::Pong {
        Ok(arrived)
    } else {
        horizon.admit(arrived)
    };
    let result = match admitted {
        Ok(header) if header.ttl == arrived.ttl => "accept unchanged".to_owned(),
        Ok(header) => format!("accept with ttl={}", header.ttl),
        Err(TooFar::Travelled) => "drop: hops > soft max".to_owned(),
        Err(TooFar::Claims) if arrived.ttl > 127 => "drop: ttl negative as signed byte".to_owned(),
        Err(TooFar::Claims) => "drop: hops negative as signed byte".to_owned(),
    };
    assert_eq!(result, vector.text("result"));
}
