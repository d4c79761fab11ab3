//! Query hits: records, trailers, flags.

use crate::Check;

/// The groups of this family.
pub const CHECKS: &[(&str, Check)] = &[];
