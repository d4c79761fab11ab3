//! Texts that end with a NUL.

/// What stands before the first NUL and what follows it; none when there is no NUL.
pub(super) fn split_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let nul = bytes.iter().position(|&byte| byte == 0)?;
    Some((&bytes[..nul], &bytes[nul + 1..]))
}

/// What stands before the first NUL, or all of it.
pub(super) fn before_nul(bytes: &[u8]) -> &[u8] {
    split_nul(bytes).map_or(bytes, |(text, _)| text)
}
