//! Gives back memory that a long-lived program holds and does not use: room its allocator keeps, and
//! pages of its code that only its start, or a busy hour, needed.

use crate::sys;
use std::fs;
use std::ops::Range;

/// Gives back what is not used. What is used again is there again, from the file or the allocator;
/// it takes some milliseconds, in which other threads may have to wait for memory.
pub fn give_back() {
    sys::trim_heap();
    let Ok(own) = fs::read_link("/proc/self/exe") else {
        return;
    };
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for pages in from_file(&maps, &own.to_string_lossy()) {
        sys::drop_pages(pages);
    }
}

/// Where in memory a program's code and constants are, as its file has them. Not what the loader
/// wrote addresses into: that is made read-only later, and is nowhere but in memory.
fn from_file(maps: &str, program: &str) -> Vec<Range<usize>> {
    let pages = |line: &str| {
        let mut words = line.splitn(6, ' ');
        let (range, access, offset) = (words.next()?, words.next()?, words.next()?);
        // After the device and the inode comes the path, behind spaces.
        let path = words.nth(2)?.trim_start();
        let is_code = access == "r-xp";
        // The first pages of a program hold its constants.
        let is_begin = access == "r--p" && offset.bytes().all(|digit| digit == b'0');
        let (from, to) = range.split_once('-')?;
        let address = |hex| usize::from_str_radix(hex, 16).ok();
        (path == program && (is_code || is_begin)).then_some(address(from)?..address(to)?)
    };
    maps.lines().filter_map(pages).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_constants_are_found_and_nothing_that_was_written_to() {
        let maps = "\
55d0c0000000-55d0c03d7000 r--p 00000000 fe:00 1234                       /bin/gate way
55d0c03d7000-55d0c111f000 r-xp 003d6000 fe:00 1234                       /bin/gate way
55d0c111f000-55d0c11e3000 r--p 0111d000 fe:00 1234                       /bin/gate way
55d0c11e3000-55d0c11eb000 rw-p 011e0000 fe:00 1234                       /bin/gate way
55d0c2000000-55d0c2021000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000100000 r-xp 00000000 fe:00 99                         /lib/libc.so.6
7f0000100000-7f0000101000 r-xp 00000000 00:00 0 
";
        let code = 0x55d0_c000_0000..0x55d0_c03d_7000;
        let constants = 0x55d0_c03d_7000..0x55d0_c111_f000;
        assert_eq!(from_file(maps, "/bin/gate way"), [code, constants]);
        assert_eq!(from_file("", "/bin/gate way"), []);
        assert_eq!(from_file("what is this\n\n", "this"), []);
    }

    #[test]
    fn a_program_goes_on_after_it() {
        let words: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        give_back();
        assert_eq!(words.concat().len(), 2_890);
    }

    #[test]
    fn what_was_freed_is_the_kernels_again() {
        let resident = || {
            let status = fs::read_to_string("/proc/self/statm").unwrap();
            let pages: usize = status.split(' ').nth(1).unwrap().parse().unwrap();
            pages * 4096
        };
        // Small ones with a survivor at the end: the allocator keeps them all.
        let mut many: Vec<Box<[u8; 1024]>> = (0..64 * 1024).map(|_| Box::new([1; 1024])).collect();
        let last = many.pop();
        drop(many);
        let before = resident();
        give_back();
        let freed = before.saturating_sub(resident());
        assert!(freed > 32 * 1024 * 1024, "{freed} bytes");
        assert_eq!(last.map(|last| last[0]), Some(1));
    }
}
