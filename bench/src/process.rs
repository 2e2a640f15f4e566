//! What a process costs, as the kernel counts it.

use std::fs;
use std::io;
use std::time::Duration;

use anyhow::{Context, Result};

/// User and system time of a process since it began, threads that have ended included, in nanoseconds' precision.
/// `/proc/PID/stat` counts in hundredths of a second, and the files of threads lose those that end.
pub fn cpu(pid: u32) -> Result<Duration> {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: both calls write to the locals whose addresses they are given, and keep neither.
    let code = unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock) };
    if code != 0 {
        return Err(io::Error::from_raw_os_error(code)).with_context(|| format!("process {pid} has no clock"));
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: as above.
    if unsafe { libc::clock_gettime(clock, &mut time) } != 0 {
        return Err(io::Error::last_os_error()).with_context(|| format!("the clock of process {pid} cannot be read"));
    }
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// User and system time of all processes that this one has started, and theirs, and that have ended.
pub fn cpu_of_children() -> Result<Duration> {
    // SAFETY: a struct of integers, for which zeros are valid, and the call writes to it alone.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        if libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) != 0 {
            return Err(io::Error::last_os_error()).context("getrusage");
        }
        usage
    };
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Ok(time(usage.ru_utime) + time(usage.ru_stime))
}

/// Bytes of memory that are resident.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    pub now: u64,
    /// The most there was since [`forget_peak`], or since the process began.
    pub peak: u64,
}

pub fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| path.clone())?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
    };
    Ok(Memory { now: field("VmRSS:").context("no VmRSS")?, peak: field("VmHWM:").context("no VmHWM")? })
}

/// Lets the peak of a process's memory begin at what it has now. Source: proc_pid_clear_refs(5).
pub fn forget_peak(pid: u32) -> Result<()> {
    let path = format!("/proc/{pid}/clear_refs");
    fs::write(&path, "5").with_context(|| path)
}

/// Lets this process, and those that it starts, open as many files as it may: each connection is one.
pub fn raise_open_files() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the calls read and write the local whose address they are given.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
    }
    limit.rlim_cur
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_time_and_memory_shows() {
        let own = std::process::id();
        let before = cpu(own).unwrap();
        let end = std::time::Instant::now() + Duration::from_secs(30);
        while cpu(own).unwrap() - before < Duration::from_millis(2) {
            assert!(std::time::Instant::now() < end, "work costs nothing");
        }
        let memory = memory(own).unwrap();
        assert!(memory.now > 0 && memory.peak >= memory.now, "{memory:?}");
        // The kernel's highest is one less.
        assert!(cpu(1 << 22).is_err(), "there is no such process");
    }
}
