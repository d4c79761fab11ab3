//! How much an index takes.

/// The bounds of an index, and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Users at once. At 2 KiB each that is 200 MB.
    pub users: usize,
    /// Files a user may share; twice opennap-ng's `max_shared`.
    pub files_per_user: usize,
    /// Files of all users together. At 400 bytes each that is 2 GB.
    pub files: usize,
    /// Links from one address, logged in or not: a school behind one address, but no crowd of one.
    pub links_per_address: usize,
    /// Files a search is answered with at most; opennap-ng's `max_results`.
    pub results: usize,
    /// Bytes a list of one user's files is answered with at most; half of what may wait for a slow client.
    pub browse: usize,
    /// Nicks that can be registered.
    pub accounts: usize,
    /// Users that one user may watch; opennap-ng's `max_hotlist`.
    pub watched: usize,
    /// Lines told to everybody who logs in.
    pub motd: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            users: 100_000,
            files_per_user: 10_000,
            files: 5_000_000,
            links_per_address: 256,
            results: 100,
            browse: 512 * 1024,
            accounts: 10_000,
            watched: 32,
            motd: Vec::new(),
        }
    }
}
