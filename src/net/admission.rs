//! Who may connect: so many connections in all, so many from one address.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

/// Incoming connections at once from one address: a link, and a neighbour who fetches several files. Loopback is
/// exempt: a whole network may stand there.
const PER_ADDRESS: usize = 16;

/// The doorkeeper of one servent. Clones share one count.
#[derive(Clone, Debug)]
pub(super) struct Admission(Arc<Mutex<Crowd>>);

#[derive(Debug)]
struct Crowd {
    most: usize,
    all: usize,
    by_address: HashMap<Ipv4Addr, usize>,
}

/// A place among the incoming connections; free again when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Admission,
    address: Ipv4Addr,
}

impl Admission {
    /// Nobody yet, and never more than `most`.
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Mutex::new(Crowd {
            most,
            all: 0,
            by_address: HashMap::new(),
        })))
    }

    /// A place for a connection from `address`, if there is one.
    pub(super) fn admit(&self, address: Ipv4Addr) -> Option<Permit> {
        let mut crowd = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = crowd.by_address.get(&address).copied().unwrap_or_default();
        if crowd.all >= crowd.most || (here >= PER_ADDRESS && !address.is_loopback()) {
            return None;
        }
        crowd.all += 1;
        crowd.by_address.insert(address, here + 1);
        Some(Permit {
            admission: self.clone(),
            address,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut crowd = (self.admission.0.lock()).unwrap_or_else(PoisonError::into_inner);
        crowd.all -= 1;
        if let Some(here) = crowd.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                crowd.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_ALL: usize = 100;

    #[test]
    fn one_address_gets_its_share_and_no_more() {
        let admission = Admission::new(IN_ALL);
        let greedy = Ipv4Addr::new(44, 1, 0, 1);
        let mut held: Vec<Permit> = (0..PER_ADDRESS)
            .map(|_| admission.admit(greedy).expect("below the limit"))
            .collect();
        assert!(admission.admit(greedy).is_none());
        assert!(admission.admit(Ipv4Addr::new(44, 1, 0, 2)).is_some());
        held.pop();
        assert!(admission.admit(greedy).is_some());
        drop(held);
        let crowd = admission.0.lock().expect("not poisoned");
        assert_eq!((crowd.all, crowd.by_address.len()), (0, 0));
    }

    #[test]
    fn loopback_is_limited_only_in_all() {
        let admission = Admission::new(IN_ALL);
        let held: Vec<_> = (0..IN_ALL)
            .map_while(|_| admission.admit(Ipv4Addr::LOCALHOST))
            .collect();
        assert_eq!(held.len(), IN_ALL);
        assert!(admission.admit(Ipv4Addr::LOCALHOST).is_none());
    }
}
