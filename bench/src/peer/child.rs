//! A process that ends with this one, whatever happens.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

pub struct Child {
    process: process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts a process whose output goes to the file `log`.
    pub fn start(mut command: Command, log: &Path) -> Result<Child> {
        let output = File::create(log).with_context(|| log.display().to_string())?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        // SAFETY: prctl is one system call and allocates nothing.
        unsafe {
            command.pre_exec(|| {
                // Kill -9 of this program leaves no servers behind.
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let process = command.spawn().with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Child { process, log: log.to_owned() })
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How it has ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Asks it to end, and waits.
    pub async fn stop(mut self) -> Result<()> {
        // SAFETY: the process is ours and has not been waited for, so the id is still its own.
        unsafe { libc::kill(self.process.id() as libc::pid_t, libc::SIGTERM) };
        let end = Instant::now() + Duration::from_secs(20);
        while self.process.try_wait()?.is_none() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    pub fn last_lines(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
