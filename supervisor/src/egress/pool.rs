//! Made-up addresses for names. Pure.
//!
//! A session's own DNS answers every name with an address out of this pool, all of which are the
//! session's own machine; whoever then connects there tells us by the address which name it meant.

use super::name::Name;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

/// Most names that have an address at once; the one that was asked for longest ago gives its up.
const MAX_NAMES: usize = 4096;

/// Names and the addresses they have, both ways.
#[derive(Debug)]
pub(super) struct Pool {
    base: u32,
    size: u32,
    next: u32,
    clock: u64,
    by_name: HashMap<Name, Ipv4Addr>,
    by_address: HashMap<Ipv4Addr, Entry>,
    /// When each was last asked for, oldest first.
    by_age: BTreeMap<u64, Ipv4Addr>,
}

#[derive(Debug)]
struct Entry {
    name: Name,
    asked: u64,
}

impl Pool {
    /// The addresses that share their first `bits` with `base`.
    pub(super) fn new(base: Ipv4Addr, bits: u32) -> Self {
        Self {
            base: u32::from(base),
            size: 1 << (32 - bits),
            // The first two are the net's own name, and the address the loopback device has.
            next: 2,
            clock: 0,
            by_name: HashMap::new(),
            by_address: HashMap::new(),
            by_age: BTreeMap::new(),
        }
    }

    /// The address of `name`, given to it now if it has none.
    pub(super) fn address(&mut self, name: &Name) -> Ipv4Addr {
        let address = match self.by_name.get(name) {
            Some(address) => *address,
            None => self.give(name),
        };
        self.touch(address);
        address
    }

    /// Whose `address` is.
    pub(super) fn name(&self, address: IpAddr) -> Option<Name> {
        let IpAddr::V4(address) = address else {
            return None;
        };
        self.by_address
            .get(&address)
            .map(|entry| entry.name.clone())
    }

    fn give(&mut self, name: &Name) -> Ipv4Addr {
        if self.by_name.len() >= MAX_NAMES {
            self.forget_oldest();
        }
        let address = self.free();
        let entry = Entry {
            name: name.clone(),
            asked: 0,
        };
        self.by_name.insert(name.clone(), address);
        self.by_address.insert(address, entry);
        address
    }

    /// The next address that nobody has. The pool is larger than [`MAX_NAMES`], so an address is
    /// not given again for long: who kept it does not reach another name with it.
    fn free(&mut self) -> Ipv4Addr {
        loop {
            let address = Ipv4Addr::from(self.base + self.next);
            self.next = if self.next + 1 < self.size {
                self.next + 1
            } else {
                2
            };
            if !self.by_address.contains_key(&address) {
                return address;
            }
        }
    }

    fn touch(&mut self, address: Ipv4Addr) {
        if let Some(entry) = self.by_address.get_mut(&address) {
            self.by_age.remove(&entry.asked);
            self.clock += 1;
            entry.asked = self.clock;
            self.by_age.insert(self.clock, address);
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, address)) = self.by_age.pop_first() else {
            return;
        };
        if let Some(entry) = self.by_address.remove(&address) {
            self.by_name.remove(&entry.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn pool() -> Pool {
        Pool::new(Ipv4Addr::new(198, 18, 0, 0), 15)
    }

    #[test]
    fn a_name_keeps_its_address() {
        let mut pool = pool();
        let one = pool.address(&name("one.example"));
        let two = pool.address(&name("two.example"));
        assert_eq!(
            (one, two),
            (Ipv4Addr::new(198, 18, 0, 2), Ipv4Addr::new(198, 18, 0, 3))
        );
        assert_eq!(pool.address(&name("one.example")), one);
        assert_eq!(pool.name(two.into()), Some(name("two.example")));
        assert_eq!(pool.name(Ipv4Addr::new(198, 18, 0, 9).into()), None);
        assert_eq!(pool.name("::1".parse().unwrap()), None);
    }

    #[test]
    fn who_is_asked_for_stays_and_who_is_not_goes() {
        let mut pool = pool();
        let kept = pool.address(&name("kept.example"));
        let lost = pool.address(&name("lost.example"));
        for number in 0..MAX_NAMES {
            assert_eq!(pool.address(&name("kept.example")), kept);
            pool.address(&name(&format!("n{number}.example")));
        }
        assert_eq!(pool.name(lost.into()), None);
        assert_eq!(pool.name(kept.into()), Some(name("kept.example")));
        assert!(pool.by_name.len() == MAX_NAMES && pool.by_address.len() == MAX_NAMES);
        assert_eq!(pool.by_age.len(), MAX_NAMES);
    }

    #[test]
    fn no_two_names_ever_share_an_address() {
        let mut pool = Pool::new(Ipv4Addr::new(127, 64, 0, 0), 19);
        for number in 0..20_000 {
            let address = pool.address(&name(&format!("n{number}.example")));
            assert!(u32::from(address) - u32::from(Ipv4Addr::new(127, 64, 0, 0)) < 1 << 13);
            assert_eq!(
                pool.name(address.into()),
                Some(name(&format!("n{number}.example")))
            );
        }
        assert_eq!(pool.by_name.len(), pool.by_address.len());
    }
}
