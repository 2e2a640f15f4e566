//! A child process whose end and whose every line arrive as events. Each child leads a process group of its own, so that
//! the terminal's Ctrl-C does not reach it before us and its own children end with it; on Linux the kernel ends it when we
//! are killed. Children must be started from a thread that lives as long as we do: the kernel counts the thread's death
//! as ours.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// How many of its last lines are kept for the report of its end.
const LAST_LINES: usize = 20;
/// How long an ended process' output may still be on its way.
const DRAIN: Duration = Duration::from_secs(1);

/// Tells one process from another, also of two that ran one after the other under one name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProcessId(u64);

/// Where a line was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// News of a process. All lines come before the end.
#[derive(Debug)]
pub enum ProcessEvent {
    /// A line, without its end.
    Line(ProcessId, Stream, String),
    /// The process is gone, and its process group with it.
    Ended(ProcessId, ExitStatus),
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    /// What events about it carry.
    pub id: ProcessId,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The process id as long as it is ours to signal: `None` once the system may give it to another.
    pid: Mutex<Option<i32>>,
    last_lines: Mutex<VecDeque<String>>,
}

impl Process {
    /// Starts `command`; its news go to `sink`.
    pub fn spawn<E>(mut command: Command, sink: mpsc::Sender<E>) -> std::io::Result<Process>
    where
        E: From<ProcessEvent> + Send + 'static,
    {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        end_with_us(&mut command);
        let mut child = command.spawn()?;
        let id = ProcessId(NEXT.fetch_add(1, Ordering::Relaxed));
        // A process id fits: the kernel's own type is signed.
        let shared = Arc::new(Shared { pid: Mutex::new(Some(child.id() as i32)), last_lines: Mutex::default() });
        let (drained, drain) = mpsc::channel::<()>();
        if let Some(stdout) = child.stdout.take() {
            read_lines(stdout, Stream::Stdout, id, shared.clone(), sink.clone(), drained.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            read_lines(stderr, Stream::Stderr, id, shared.clone(), sink.clone(), drained);
        }
        let waiter = shared.clone();
        thread::spawn(move || {
            let status = wait(&mut child, &waiter.pid);
            // Both readers hang up when they are done. One that does not holds a pipe that a stranger inherited.
            let _ = drain.recv_timeout(DRAIN);
            let _ = sink.send(ProcessEvent::Ended(id, status).into());
        });
        Ok(Process { id, shared })
    }

    /// Asks the process to end.
    pub fn terminate(&self) {
        // Its children are its own business until it is gone.
        self.signal(libc::SIGTERM, |pid| pid);
    }

    /// Ends the process and its group at once.
    pub fn kill(&self) {
        self.signal(libc::SIGKILL, |pid| -pid);
    }

    /// The last lines it wrote.
    pub fn last_lines(&self) -> Vec<String> {
        lock(&self.shared.last_lines).iter().cloned().collect()
    }

    fn signal(&self, signal: i32, whom: fn(i32) -> i32) {
        // The lock is held while the signal is sent, so that the id cannot change its owner meanwhile.
        if let Some(pid) = *lock(&self.shared.pid) {
            // SAFETY: kill has no memory effects; one that is gone is an error we do not need.
            unsafe { libc::kill(whom(pid), signal) };
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the end of `child`, ends what is left of its group, and gives its id back to the system.
fn wait(child: &mut Child, pid: &Mutex<Option<i32>>) -> ExitStatus {
    let id = child.id();
    loop {
        // SAFETY: `info` is ours, and all zeroes is a valid value for it.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // WNOWAIT leaves the id taken, so that the group's id cannot belong to strangers when it is signalled.
        // SAFETY: `info` outlives the call.
        let waited = unsafe { libc::waitid(libc::P_PID, id, &mut info, libc::WEXITED | libc::WNOWAIT) };
        if waited == 0 || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            break;
        }
    }
    let mut pid = lock(pid);
    if let Some(pid) = pid.take() {
        // SAFETY: kill has no memory effects.
        unsafe { libc::kill(-pid, libc::SIGKILL) };
    }
    // Only a child that is not ours could not be waited for; it is gone for us all the same.
    child.wait().unwrap_or_else(|_| ExitStatus::from_raw(libc::SIGKILL))
}

fn read_lines<E>(
    pipe: impl Read + Send + 'static,
    stream: Stream,
    id: ProcessId,
    shared: Arc<Shared>,
    sink: mpsc::Sender<E>,
    drained: mpsc::Sender<()>,
) where
    E: From<ProcessEvent> + Send + 'static,
{
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while let Ok(1..) = reader.read_until(b'\n', &mut bytes) {
            let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
            bytes.clear();
            {
                let mut last = lock(&shared.last_lines);
                if last.len() == LAST_LINES {
                    last.pop_front();
                }
                last.push_back(line.clone());
            }
            // Reading goes on when nobody listens: a child must not hang on a full pipe.
            let _ = sink.send(ProcessEvent::Line(id, stream, line).into());
        }
        drop(drained);
    });
}

/// Makes the kernel kill the child when we are gone, however we went.
#[cfg(target_os = "linux")]
fn end_with_us(command: &mut Command) {
    // SAFETY: getpid has no effects.
    let parent = unsafe { libc::getpid() };
    // SAFETY: between fork and exec only async-signal-safe calls are made: prctl, getppid and building an error number.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            // We may have died before the call above.
            if libc::getppid() != parent {
                return Err(std::io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_us(_: &mut Command) {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing here leaves the data half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (Process, mpsc::Receiver<ProcessEvent>) {
        let (sink, events) = mpsc::channel();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        (Process::spawn(command, sink).unwrap(), events)
    }

    fn next(events: &mpsc::Receiver<ProcessEvent>) -> ProcessEvent {
        events.recv_timeout(Duration::from_secs(20)).expect("an event")
    }

    fn exists(pid: i32) -> bool {
        // A zombie that init has not reaped yet is not running any more.
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[test]
    fn lines_come_in_order_and_the_end_last() {
        let (process, events) = shell("echo one; printf 'tw\\303\\266\\r\\n\\377'; exit 3");
        let mut lines = Vec::new();
        let status = loop {
            match next(&events) {
                ProcessEvent::Line(_, Stream::Stdout, line) => lines.push(line),
                ProcessEvent::Line(..) => panic!("nothing is written to stderr"),
                ProcessEvent::Ended(id, status) => {
                    assert_eq!(id, process.id);
                    break status;
                }
            }
        };
        assert_eq!(lines, ["one", "twö", "\u{fffd}"]);
        assert_eq!(status.code(), Some(3));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let (process, events) = shell("for i in $(seq 100); do echo $i >&2; done");
        while !matches!(next(&events), ProcessEvent::Ended(..)) {}
        let expected: Vec<String> = (81..=100).map(|i| i.to_string()).collect();
        assert_eq!(process.last_lines(), expected);
    }

    #[test]
    fn the_whole_group_ends_with_its_leader() {
        // The grandchild would hold the pipe open for a minute, and outlive its parent.
        let (_process, events) = shell("sleep 60 & echo $!; exit 0");
        let ProcessEvent::Line(_, _, pid) = next(&events) else { panic!("a process id first") };
        assert!(matches!(next(&events), ProcessEvent::Ended(_, status) if status.success()));
        let pid = pid.parse().unwrap();
        for _ in 0..200 {
            if !exists(pid) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the grandchild {pid} survived");
    }

    #[test]
    fn a_process_can_be_asked_and_forced_to_end() {
        let (process, events) = shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
        assert!(matches!(next(&events), ProcessEvent::Line(_, _, line) if line == "ready"));
        process.terminate();
        assert!(matches!(next(&events), ProcessEvent::Line(_, _, line) if line == "bye"));
        assert!(matches!(next(&events), ProcessEvent::Ended(_, status) if status.success()));
        process.kill();

        let (stubborn, events) = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done");
        assert!(matches!(next(&events), ProcessEvent::Line(..)));
        stubborn.terminate();
        stubborn.kill();
        assert!(matches!(next(&events), ProcessEvent::Ended(_, status) if status.code().is_none()));
    }

    #[test]
    fn dropping_a_process_ends_it() {
        let (process, events) = shell("echo $$; sleep 60");
        assert!(matches!(next(&events), ProcessEvent::Line(..)));
        drop(process);
        assert!(matches!(next(&events), ProcessEvent::Ended(..)));
    }
}
