//! The greeting: header lines, status lines, whole transcripts, deflated links.

use crate::Check;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[];
