//! Transfers: Range and Content-Range, GIV, request lines that name a URN.

use crate::Check;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[];
