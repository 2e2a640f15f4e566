//! The signals that ask us to stop.

use std::io::Result;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Calls `received` for each Ctrl-C, SIGTERM and hang-up from now on.
pub fn spawn(mut received: impl FnMut() + Send + 'static) -> Result<()> {
    let mut wanted = vec![SIGINT, SIGTERM];
    // Under nohup the terminal may go away.
    if !is_ignored(SIGHUP) {
        wanted.push(SIGHUP);
    }
    let mut signals = Signals::new(wanted)?;
    thread::spawn(move || {
        for _ in signals.forever() {
            received();
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
