//! GGEP and what is inside it: COBS, framing, known extensions.

use crate::Check;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[];
