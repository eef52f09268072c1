//! Starting a program.
//!
//! `posix_spawn` itself, not `std::process::Command`: the program must start with no signal blocked although the calling
//! thread blocks all of them, and std passes the mask on. Its hook for that (`pre_exec`) makes it fork, which copies the
//! page tables of the host (17 ms per GB of its memory, against 0.1 ms) and runs the host's fork handlers.

use std::collections::BTreeMap;
use std::ffi::{CString, NulError, OsStr, OsString};
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf, absolute};
use std::ptr;

use super::executable;
use super::pipe::{self, Ends};
use super::process::Process;
use super::signals::{no_signals, signal_set};
use super::stdio::FIRST_FREE_FD;

/// The environment variable that tells which client a process belongs to. The runtime gives it to the commands that it
/// runs, because its name contains none of the words for which a variable is held back (KEY, SECRET, TOKEN).
pub const MARKER: &str = "LIBCODEX_RUN";

/// A host may ignore these, and an ignored signal stays ignored in the program. Without SIGCHLD it could not wait for its
/// own commands, without SIGTERM it could not be told to end, without SIGPIPE its commands would outlive their readers.
const DEFAULT_SIGNALS: [libc::c_int; 3] = [libc::SIGCHLD, libc::SIGPIPE, libc::SIGTERM];

/// What to start, and how.
pub struct SpawnSpec<'a> {
    /// The executable. Not searched for on PATH; a relative path starts from this process's directory.
    pub program: &'a Path,
    /// The arguments behind the program's name.
    pub args: &'a [OsString],
    /// All variables of the program's environment; of a name that occurs twice the last one counts.
    pub env: Vec<(OsString, OsString)>,
    /// The directory it starts in; None for the one of this process.
    pub cwd: Option<&'a Path>,
    /// The value of its [`MARKER`] variable, by which [`sweep`](super::sweep) finds what it leaves behind.
    pub marker: &'a str,
}

impl fmt::Debug for SpawnSpec<'_> {
    /// Without arguments and variables, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnSpec").field("program", &self.program).field("cwd", &self.cwd).finish_non_exhaustive()
    }
}

/// A program that runs, and our ends of its standard streams: nonblocking and close-on-exec.
#[derive(Debug)]
pub struct Spawned {
    /// The program.
    pub process: Process,
    /// A socket; see [`send_nosignal`](super::send_nosignal) and [`shutdown_write`](super::shutdown_write).
    pub stdin: OwnedFd,
    /// A pipe; see [`read`](super::read).
    pub stdout: OwnedFd,
    /// A pipe; see [`read`](super::read).
    pub stderr: OwnedFd,
}

/// Why a program was not started. The operating system's own error is the source.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// A text cannot be given to a program.
    #[error("the {what} {text:?} contains a NUL character, which no program can be given; remove it")]
    Nul {
        /// Which kind of text it is.
        what: &'static str,
        /// The text.
        text: OsString,
    },
    /// A variable cannot be set.
    #[error("an environment variable cannot be called {name:?}; give it a name without `=`")]
    VariableName {
        /// The refused name.
        name: OsString,
    },
    /// The directory to start in is missing, no directory, or closed to this user.
    #[error(
        "the working directory {path:?} cannot be entered: {source}; name a directory that exists and is accessible"
    )]
    WorkingDirectory {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The system refused the pipes, as a rule because too many files are open.
    #[error("the pipes to {program:?} could not be made: {source}; close files, or raise the limit of open files")]
    Pipes {
        /// The executable.
        program: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The system refused to run the executable.
    #[error(
        "the program {program:?} could not be started: {source}; check that it exists and is made for this machine"
    )]
    Program {
        /// The executable.
        program: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Starts a program as the leader of a new process group, with its standard streams connected to this process, no signal
/// blocked, and SIGCHLD, SIGPIPE and SIGTERM at their defaults. May be called from any thread.
pub fn spawn(spec: SpawnSpec<'_>) -> Result<Spawned, SpawnError> {
    let program = absolute(spec.program).map_err(|source| program_error(&spec, source))?;
    let path = c_string("path", program.as_os_str())?;
    let args = arguments(&program, spec.args)?;
    let env = environment(&spec)?;
    let cwd = spec.cwd.map(|cwd| c_string("working directory", cwd.as_os_str())).transpose()?;
    let streams = Streams::new().map_err(|source| SpawnError::Pipes { program: spec.program.to_owned(), source })?;
    let plan = Plan { path, args, env, cwd };
    let pid = plan.execute(&streams).map_err(|source| blame(&spec, source))?;
    Ok(Spawned {
        process: Process::new(pid),
        stdin: streams.stdin.ours,
        stdout: streams.stdout.ours,
        stderr: streams.stderr.ours,
    })
}

/// The system reports a directory that cannot be entered and a program that cannot be run in the same way.
fn blame(spec: &SpawnSpec<'_>, source: io::Error) -> SpawnError {
    match spec.cwd.map(|cwd| (cwd, enter(cwd))) {
        Some((cwd, Err(source))) => SpawnError::WorkingDirectory { path: cwd.to_owned(), source },
        _ => program_error(spec, source),
    }
}

fn enter(directory: &Path) -> io::Result<()> {
    executable::check_execute(&directory.join("."))
}

fn program_error(spec: &SpawnSpec<'_>, source: io::Error) -> SpawnError {
    SpawnError::Program { program: spec.program.to_owned(), source }
}

fn arguments(program: &Path, args: &[OsString]) -> Result<CStrings, SpawnError> {
    let mut strings = vec![c_string("path", program.as_os_str())?];
    for arg in args {
        strings.push(c_string("argument", arg)?);
    }
    Ok(CStrings::new(strings))
}

fn environment(spec: &SpawnSpec<'_>) -> Result<CStrings, SpawnError> {
    let marker = (OsStr::new(MARKER), OsStr::new(spec.marker));
    let given = spec.env.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
    let variables: BTreeMap<_, _> = given.chain([marker]).collect();
    let strings = variables.into_iter().map(|(name, value)| variable(name, value));
    Ok(CStrings::new(strings.collect::<Result<_, _>>()?))
}

fn variable(name: &OsStr, value: &OsStr) -> Result<CString, SpawnError> {
    // Names with `=` in front occur in inherited environments and do no harm.
    if name.as_bytes().iter().skip(1).any(|byte| *byte == b'=') || name.is_empty() {
        return Err(SpawnError::VariableName { name: name.to_owned() });
    }
    let mut text = name.to_owned();
    text.push("=");
    text.push(value);
    // The value may be a secret.
    c_string("environment variable", &text)
        .map_err(|_| SpawnError::Nul { what: "environment variable", text: name.to_owned() })
}

fn c_string(what: &'static str, text: &OsStr) -> Result<CString, SpawnError> {
    let refuse = |error: NulError| SpawnError::Nul { what, text: OsString::from_vec(error.into_vec()) };
    CString::new(text.as_bytes()).map_err(refuse)
}

/// Strings as `posix_spawn` takes them: an array of pointers with a null at its end.
struct CStrings {
    pointers: Vec<*mut libc::c_char>,
    _strings: Vec<CString>,
}

impl CStrings {
    fn new(strings: Vec<CString>) -> Self {
        let pointers = strings.iter().map(|string| string.as_ptr().cast_mut()).chain([ptr::null_mut()]);
        Self { pointers: pointers.collect(), _strings: strings }
    }
}

/// The standard streams, both ends of each.
struct Streams {
    stdin: Ends,
    stdout: Ends,
    stderr: Ends,
}

impl Streams {
    fn new() -> io::Result<Self> {
        Ok(Self { stdin: pipe::stdin_socket()?, stdout: pipe::stdout_pipe()?, stderr: pipe::stderr_pipe()? })
    }
}

/// Everything that `posix_spawn` is told, in its own form.
struct Plan {
    path: CString,
    args: CStrings,
    env: CStrings,
    cwd: Option<CString>,
}

impl Plan {
    fn execute(&self, streams: &Streams) -> io::Result<libc::pid_t> {
        let mut actions = FileActions::new()?;
        actions.connect(&streams.stdin.theirs, libc::STDIN_FILENO)?;
        actions.connect(&streams.stdout.theirs, libc::STDOUT_FILENO)?;
        actions.connect(&streams.stderr.theirs, libc::STDERR_FILENO)?;
        actions.close_all_others()?;
        if let Some(cwd) = &self.cwd {
            actions.enter(cwd)?;
        }
        let attributes = Attributes::new()?;
        let mut pid = 0;
        // SAFETY: every pointer comes from a value that outlives the call, both arrays end with null, and the actions and
        // attributes are initialised.
        let code = unsafe {
            libc::posix_spawn(
                &mut pid,
                self.path.as_ptr(),
                actions.0.as_ptr(),
                attributes.0.as_ptr(),
                self.args.pointers.as_ptr(),
                self.env.pointers.as_ptr(),
            )
        };
        checked(code).map(|()| pid)
    }
}

/// What happens to the program's descriptors and directory before it starts. Boxed, since C does not expect it to move.
struct FileActions(Box<MaybeUninit<libc::posix_spawn_file_actions_t>>);

impl FileActions {
    fn new() -> io::Result<Self> {
        let mut actions = Box::new(MaybeUninit::uninit());
        // SAFETY: the pointer is valid; the call initialises what it points to.
        checked(unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) })?;
        Ok(Self(actions))
    }

    /// The copy loses close-on-exec, because `fd` is never one of the standard streams.
    fn connect(&mut self, fd: &OwnedFd, stream: libc::c_int) -> io::Result<()> {
        // SAFETY: the actions are initialised.
        checked(unsafe { libc::posix_spawn_file_actions_adddup2(self.0.as_mut_ptr(), fd.as_raw_fd(), stream) })
    }

    /// Of the host's descriptors, those that are not closed on exec would stay open in the program and in its commands. An
    /// older system, which cannot close them here, leaves them open.
    #[cfg(not(target_vendor = "apple"))]
    fn close_all_others(&mut self) -> io::Result<()> {
        type CloseFrom =
            unsafe extern "C" fn(*mut libc::posix_spawn_file_actions_t, lowest: libc::c_int) -> libc::c_int;
        // SAFETY: the name is a C string.
        let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"posix_spawn_file_actions_addclosefrom_np".as_ptr()) };
        if symbol.is_null() {
            return Ok(());
        }
        // SAFETY: glibc has had this function with these parameters from 2.34 on.
        let close_from = unsafe { std::mem::transmute::<*mut libc::c_void, CloseFrom>(symbol) };
        // SAFETY: the actions are initialised.
        checked(unsafe { close_from(self.0.as_mut_ptr(), FIRST_FREE_FD) })
    }

    /// The attributes say it.
    #[cfg(target_vendor = "apple")]
    fn close_all_others(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn enter(&mut self, directory: &CString) -> io::Result<()> {
        // SAFETY: the actions are initialised; the path is copied.
        checked(unsafe { libc::posix_spawn_file_actions_addchdir_np(self.0.as_mut_ptr(), directory.as_ptr()) })
    }
}

impl Drop for FileActions {
    fn drop(&mut self) {
        // SAFETY: initialised in `new` and destroyed only here.
        unsafe { libc::posix_spawn_file_actions_destroy(self.0.as_mut_ptr()) };
    }
}

/// The program's process group and signals. Boxed, since C does not expect it to move.
struct Attributes(Box<MaybeUninit<libc::posix_spawnattr_t>>);

impl Attributes {
    fn new() -> io::Result<Self> {
        let mut attributes = Box::new(MaybeUninit::uninit());
        // SAFETY: the pointer is valid; the call initialises what it points to.
        checked(unsafe { libc::posix_spawnattr_init(attributes.as_mut_ptr()) })?;
        let mut attributes = Self(attributes);
        attributes.fill()?;
        Ok(attributes)
    }

    fn fill(&mut self) -> io::Result<()> {
        let flags = libc::POSIX_SPAWN_SETPGROUP | libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        #[cfg(target_vendor = "apple")]
        let flags = flags | libc::POSIX_SPAWN_CLOEXEC_DEFAULT;
        let own_group = 0;
        let attributes = self.0.as_mut_ptr();
        // SAFETY: the attributes are initialised, and the sets outlive the calls, which copy them.
        unsafe {
            checked(libc::posix_spawnattr_setflags(attributes, flags as libc::c_short))?;
            checked(libc::posix_spawnattr_setpgroup(attributes, own_group))?;
            checked(libc::posix_spawnattr_setsigmask(attributes, &no_signals()))?;
            checked(libc::posix_spawnattr_setsigdefault(attributes, &signal_set(&DEFAULT_SIGNALS)))
        }
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised in `new` and destroyed only here.
        unsafe { libc::posix_spawnattr_destroy(self.0.as_mut_ptr()) };
    }
}

/// The functions of this family return their error instead of setting `errno`.
fn checked(code: libc::c_int) -> io::Result<()> {
    match code {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::error::Error;
    use std::fs;
    use std::io::IoSlice;
    use std::os::fd::AsFd;

    use super::super::testing::{ScratchDir, ended, ignore, in_own_process, read_all, restore_default, shell, start};
    use super::super::{ExitStatus, Signal, send_nosignal, shutdown_write, spawn_thread};
    use super::*;

    fn spec<'a>(program: &'a Path, args: &'a [OsString]) -> SpawnSpec<'a> {
        SpawnSpec { program, args, env: Vec::new(), cwd: None, marker: "m" }
    }

    fn os_error(error: &SpawnError) -> Option<i32> {
        error.source()?.downcast_ref::<io::Error>()?.raw_os_error()
    }

    #[test]
    fn bytes_go_in_and_come_out_until_eof() {
        let cat = start("cat", &[]);
        send_nosignal(cat.stdin.as_fd(), &[IoSlice::new(b"hello")]).unwrap();
        shutdown_write(cat.stdin.as_fd()).unwrap();
        assert_eq!(read_all(&cat.stdout), "hello");
        assert_eq!(read_all(&cat.stderr), "");
        assert_eq!(ended(&cat.process), ExitStatus::Code(0));
    }

    #[test]
    fn a_dropped_stdin_is_eof_too() {
        let cat = start("cat", &[]);
        drop(cat.stdin);
        assert_eq!(ended(&cat.process), ExitStatus::Code(0));
    }

    #[test]
    fn stderr_is_separate() {
        let both = shell("echo out; echo err >&2");
        assert_eq!(read_all(&both.stdout), "out\n");
        assert_eq!(read_all(&both.stderr), "err\n");
    }

    #[test]
    fn arguments_arrive_unchanged() {
        let args = ["%s|%s|%s".into(), "".into(), "a b'\"$x".into(), OsString::from_vec(b"caf\xc3\xa9".to_vec())];
        let printed = spawn(spec(Path::new("/usr/bin/printf"), &args)).unwrap();
        assert_eq!(read_all(&printed.stdout), "|a b'\"$x|café");
    }

    #[test]
    fn the_environment_is_what_was_given_and_the_marker() {
        let mut spec = spec(Path::new("/usr/bin/env"), &[]);
        let given = [("B", "1"), ("A", "x=y"), ("B", "2"), (MARKER, "outer")];
        spec.env = given.map(|(name, value)| (name.into(), value.into())).into();
        let printed = read_all(&spawn(spec).unwrap().stdout);
        let mut lines: Vec<_> = printed.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["A=x=y", "B=2", "LIBCODEX_RUN=m"]);
    }

    #[test]
    fn the_name_of_the_marker_holds_no_word_of_a_secret() {
        assert!(["KEY", "SECRET", "TOKEN"].iter().all(|word| !MARKER.contains(word)));
    }

    #[test]
    fn the_program_starts_in_the_directory_that_was_named() {
        let scratch = ScratchDir::new();
        let directory = fs::canonicalize(scratch.path()).unwrap();
        let mut spec = spec(Path::new("/bin/pwd"), &[]);
        spec.cwd = Some(&directory);
        assert_eq!(Path::new(read_all(&spawn(spec).unwrap().stdout).trim()), directory);
    }

    #[test]
    fn a_relative_program_is_found_from_the_hosts_directory() {
        in_own_process(|| {
            env::set_current_dir("/usr/bin").unwrap();
            let mut spec = spec(Path::new("./pwd"), &[]);
            spec.cwd = Some(Path::new("/"));
            assert_eq!(read_all(&spawn(spec).unwrap().stdout), "/\n");
        });
    }

    #[test]
    fn the_program_leads_a_group_of_its_own() {
        let group = shell("cut -d' ' -f5 /proc/$$/stat");
        assert_eq!(read_all(&group.stdout).trim(), group.process.pid().to_string());
    }

    #[cfg(target_os = "linux")]
    fn target_of(fd: &OwnedFd) -> String {
        let link = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap();
        link.into_os_string().into_string().unwrap()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_program_holds_nothing_but_its_own_end_of_each_stream() {
        let listing = shell("ls -l /proc/$$/fd");
        let listed = read_all(&listing.stdout);
        let holds = |fd| listed.lines().filter(|line| line.ends_with(&target_of(fd))).count();
        assert_eq!([&listing.stdin, &listing.stdout, &listing.stderr].map(holds), [0, 1, 1]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_program_holds_no_descriptor_that_the_host_forgot_to_close_on_exec() {
        // SAFETY: a copy of stderr, which this test closes below; the shell has no use for such a high number.
        let forgotten = unsafe { libc::fcntl(libc::STDERR_FILENO, libc::F_DUPFD, 200) };
        let listed = read_all(&shell("echo /proc/$$/fd/*").stdout);
        // SAFETY: the copy is this test's own.
        unsafe { libc::close(forgotten) };
        assert!(listed.contains("/2") && !listed.contains(&format!("/fd/{forgotten}")), "{listed}");
    }

    fn hex_field(status: &str, field: &str) -> u64 {
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        u64::from_str_radix(line.rsplit(char::is_whitespace).next().unwrap(), 16).unwrap()
    }

    #[test]
    fn no_signal_is_blocked_in_the_program_although_the_spawning_thread_blocks_them() {
        let spawned = spawn_thread("codex-test", || start("cat", &["/proc/self/status"])).unwrap().join().unwrap();
        assert_eq!(hex_field(&read_all(&spawned.stdout), "SigBlk:"), 0);
    }

    #[test]
    fn what_the_host_ignores_is_not_ignored_in_the_program() {
        in_own_process(|| {
            DEFAULT_SIGNALS.into_iter().for_each(ignore);
            let status = read_all(&start("cat", &["/proc/self/status"]).stdout);
            let ignored = hex_field(&status, "SigIgn:");
            for signal in DEFAULT_SIGNALS {
                assert_eq!(ignored >> (signal - 1) & 1, 0, "{signal} is ignored");
            }
        });
    }

    #[test]
    fn a_program_that_ends_at_once_never_kills_its_host() {
        in_own_process(|| {
            restore_default(libc::SIGPIPE);
            let short = shell("exit 7");
            assert_eq!(ended(&short.process), ExitStatus::Code(7));
            let error = send_nosignal(short.stdin.as_fd(), &[IoSlice::new(b"late")]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        });
    }

    #[test]
    fn a_missing_program_keeps_the_systems_error() {
        let error = spawn(spec(Path::new("/nowhere/codex"), &[])).unwrap_err();
        assert!(matches!(&error, SpawnError::Program { program, .. } if program == Path::new("/nowhere/codex")));
        assert_eq!(os_error(&error), Some(libc::ENOENT));
        assert!(error.to_string().starts_with("the program \"/nowhere/codex\" could not be started: No such file"));
    }

    #[test]
    fn a_file_that_is_no_program_keeps_the_systems_error() {
        let error = spawn(spec(Path::new("/etc/passwd"), &[])).unwrap_err();
        assert_eq!(os_error(&error), Some(libc::EACCES));
    }

    #[test]
    fn a_missing_directory_is_not_blamed_on_the_program() {
        for (directory, code) in [("/nowhere", libc::ENOENT), ("/etc/passwd", libc::ENOTDIR)] {
            let mut spec = spec(Path::new("/bin/true"), &[]);
            spec.cwd = Some(Path::new(directory));
            let error = spawn(spec).unwrap_err();
            assert!(matches!(&error, SpawnError::WorkingDirectory { path, .. } if path == Path::new(directory)));
            assert_eq!(os_error(&error), Some(code));
        }
    }

    #[test]
    fn what_no_program_can_be_given_is_refused_by_name() {
        let args = ["a\0b".into()];
        let error = spawn(spec(Path::new("/bin/true"), &args)).unwrap_err();
        assert!(error.to_string().starts_with("the argument \"a\\0b\" contains a NUL character"));
        for name in ["", "A=B"] {
            let mut spec = spec(Path::new("/bin/true"), &[]);
            spec.env = vec![(name.into(), "x".into())];
            assert!(matches!(spawn(spec).unwrap_err(), SpawnError::VariableName { .. }));
        }
    }

    #[test]
    fn an_inherited_variable_with_an_odd_name_passes() {
        let mut spec = spec(Path::new("/usr/bin/env"), &[]);
        spec.env = vec![("=odd".into(), "x".into())];
        assert!(read_all(&spawn(spec).unwrap().stdout).contains("=odd=x\n"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn neither_a_success_nor_a_failure_leaks_a_descriptor_or_a_child() {
        in_own_process(|| {
            let open = || fs::read_dir("/proc/self/fd").unwrap().count();
            let before = open();
            for _ in 0..20 {
                ended(&shell("exit 0").process);
                drop(start("sleep", &["1000"]));
                spawn(spec(Path::new("/nowhere/codex"), &[])).unwrap_err();
            }
            assert_eq!(open(), before);
            // SAFETY: no status is written.
            let children = unsafe { libc::waitpid(-1, ptr::null_mut(), libc::WNOHANG) };
            assert_eq!((children, io::Error::last_os_error().raw_os_error()), (-1, Some(libc::ECHILD)));
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_host_without_free_descriptors_is_told_so_and_loses_none() {
        in_own_process(|| {
            let limit = libc::rlimit { rlim_cur: 6, rlim_max: 6 };
            // SAFETY: the limit outlives the call; this process runs nothing but this test.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
            let error = spawn(spec(Path::new("/bin/true"), &[])).unwrap_err();
            assert!(matches!(error, SpawnError::Pipes { .. }));
            assert_eq!(os_error(&error), Some(libc::EMFILE));
        });
    }

    #[test]
    fn a_program_can_be_ended_by_term_even_if_the_host_ignores_it() {
        in_own_process(|| {
            ignore(libc::SIGTERM);
            let sleeper = start("sleep", &["1000"]);
            sleeper.process.signal_group(Signal::Term).unwrap();
            assert_eq!(ended(&sleeper.process), ExitStatus::Signal(libc::SIGTERM));
        });
    }

    #[test]
    fn programs_can_be_started_from_many_threads_at_once() {
        let started: Vec<_> = (0..8)
            .map(|number: i32| {
                let start = move || (0..10).map(|_| shell(&format!("exit {number}"))).collect::<Vec<_>>();
                (number, spawn_thread("codex-test", start).unwrap())
            })
            .collect();
        for (number, thread) in started {
            for spawned in thread.join().unwrap() {
                assert_eq!(ended(&spawned.process), ExitStatus::Code(number));
            }
        }
    }
}
