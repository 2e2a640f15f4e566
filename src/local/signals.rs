//! The signals that ask us to stop.

use std::io::Result;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Calls `received` with the name of each signal from now on: Ctrl-C, SIGTERM, SIGHUP.
pub fn spawn(mut received: impl FnMut(&'static str) + Send + 'static) -> Result<()> {
    let mut wanted = vec![SIGINT, SIGTERM];
    // Under nohup the terminal may go away.
    if !is_ignored(SIGHUP) {
        wanted.push(SIGHUP);
    }
    let mut signals = Signals::new(wanted)?;
    thread::spawn(move || {
        for signal in signals.forever() {
            received(match signal {
                SIGINT => "Ctrl-C",
                SIGTERM => "SIGTERM",
                _ => "SIGHUP",
            });
        }
    });
    Ok(())
}

fn is_ignored(signal: i32) -> bool {
    // SAFETY: `action` is ours, all zeroes is a valid value for it, and the call only reads the present action.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}
