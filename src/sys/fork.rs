//! Noticing a fork.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

/// Remembers the process it was made in.
///
/// Where the kernel can wipe a page in the child of a fork (Linux from 4.14 on), asking costs one load from memory;
/// elsewhere it costs a system call.
#[derive(Debug)]
pub struct ForkGuard(Memory);

#[derive(Debug)]
enum Memory {
    WipedPage(WipedPage),
    Pid(libc::pid_t),
}

impl ForkGuard {
    /// Remembers the calling process.
    pub fn new() -> Self {
        Self(WipedPage::new().map_or_else(|_| Memory::Pid(pid()), Memory::WipedPage))
    }

    /// Whether the caller is in the process in which this guard was made, and not in a child that was forked later.
    pub fn is_same_process(&self) -> bool {
        match &self.0 {
            Memory::WipedPage(page) => page.is_intact(),
            Memory::Pid(remembered) => *remembered == pid(),
        }
    }
}

impl Default for ForkGuard {
    fn default() -> Self {
        Self::new()
    }
}

fn pid() -> libc::pid_t {
    // SAFETY: getpid has no preconditions.
    unsafe { libc::getpid() }
}

/// A page of memory that the child of a fork finds zeroed.
#[derive(Debug)]
struct WipedPage {
    address: NonNull<AtomicU32>,
    length: usize,
}

const INTACT: u32 = 1;

impl WipedPage {
    fn new() -> io::Result<Self> {
        let page = Self::map()?;
        page.wipe_on_fork()?;
        page.flag().store(INTACT, Ordering::Relaxed);
        Ok(page)
    }

    fn map() -> io::Result<Self> {
        let length = page_size();
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches nothing that exists.
        let address = unsafe { libc::mmap(ptr::null_mut(), length, access, kind, -1, 0) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address.cast()).expect("the kernel maps nothing at null unasked");
        Ok(Self { address, length })
    }

    #[cfg(target_os = "linux")]
    fn wipe_on_fork(&self) -> io::Result<()> {
        // SAFETY: the range is exactly the mapping that this value owns.
        super::check(unsafe { libc::madvise(self.address.as_ptr().cast(), self.length, libc::MADV_WIPEONFORK) })?;
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn wipe_on_fork(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn is_intact(&self) -> bool {
        self.flag().load(Ordering::Relaxed) == INTACT
    }

    fn flag(&self) -> &AtomicU32 {
        // SAFETY: the mapping is aligned, initialised by the kernel, larger than an integer, and lives as long as `self`.
        unsafe { self.address.as_ref() }
    }
}

impl Drop for WipedPage {
    fn drop(&mut self) {
        // SAFETY: the mapping belongs to this value, and no reference into it outlives the value.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.length) };
    }
}

// SAFETY: the page is owned by this value alone, and accessed through an atomic only.
unsafe impl Send for WipedPage {}
// SAFETY: as above.
unsafe impl Sync for WipedPage {}

fn page_size() -> usize {
    // SAFETY: sysconf has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).expect("the system has a page size")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_forked_child(question: impl Fn() -> bool) -> bool {
        // SAFETY: the child asks one question, which allocates nothing and takes no lock, and leaves by _exit.
        let child = unsafe { libc::fork() };
        assert_ne!(child, -1);
        if child == 0 {
            // SAFETY: _exit runs nothing of this process.
            unsafe { libc::_exit(i32::from(question())) };
        }
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert!(libc::WIFEXITED(status));
        libc::WEXITSTATUS(status) == 1
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_does_the_remembering() {
        assert!(matches!(ForkGuard::new().0, Memory::WipedPage(_)));
    }

    #[test]
    fn a_fork_is_noticed_in_the_child_and_not_in_the_parent() {
        let guard = ForkGuard::new();
        assert!(guard.is_same_process());
        assert!(!in_forked_child(|| guard.is_same_process()));
        assert!(guard.is_same_process());
    }

    #[test]
    fn a_guard_made_in_the_child_belongs_to_the_child() {
        assert!(in_forked_child(|| ForkGuard::new().is_same_process()));
    }

    #[test]
    fn without_the_kernels_help_the_process_id_tells() {
        let guard = ForkGuard(Memory::Pid(pid()));
        assert!(guard.is_same_process());
        assert!(!in_forked_child(|| guard.is_same_process()));
    }

    #[test]
    fn other_threads_are_the_same_process() {
        let guard = ForkGuard::new();
        assert!(std::thread::spawn(move || guard.is_same_process()).join().unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_dropped_guard_gives_its_page_back() {
        super::super::testing::in_own_process(|| {
            let guard = ForkGuard::new();
            let Memory::WipedPage(page) = &guard.0 else { panic!("no page") };
            let (address, length) = (page.address.as_ptr(), page.length);
            let mut resident = 0;
            // SAFETY: mincore reads no memory of the page; the result has room for its one byte.
            let mut is_mapped = || unsafe { libc::mincore(address.cast(), length, &mut resident) == 0 };
            assert!(is_mapped());
            drop(guard);
            assert!(!is_mapped());
        });
    }
}
