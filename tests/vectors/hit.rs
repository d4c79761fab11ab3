//! Query hits: records, trailers, flags.

use crate::Check;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[];
