//! Transfers: Range and Content-Range, GIV, request lines that name a URN.

use crate::Check;

/// The groups of this family.
pub const CHECKS: &[(&str, Check)] = &[];
