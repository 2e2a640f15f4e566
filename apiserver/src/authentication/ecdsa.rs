//! Signatures on P-256 in their two forms: TLS has them as a sequence of two integers in DER, tokens as two numbers of
//! fixed length. Source: <https://www.rfc-editor.org/rfc/rfc7518#section-3.4>

/// The length of each number.
const LENGTH: usize = 32;

/// From DER to the fixed form; `None` for what is no signature.
pub fn to_fixed(der: &[u8]) -> Option<[u8; 2 * LENGTH]> {
    let (sequence, rest) = element(der, 0x30)?;
    let (r, after) = element(sequence, 0x02)?;
    let (s, end) = element(after, 0x02)?;
    if !rest.is_empty() || !end.is_empty() {
        return None;
    }
    let mut fixed = [0; 2 * LENGTH];
    for (number, place) in [r, s].into_iter().zip(fixed.chunks_exact_mut(LENGTH)) {
        let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
        let digits = &number[first..];
        place[LENGTH.checked_sub(digits.len())?..].copy_from_slice(digits);
    }
    Some(fixed)
}

/// From the fixed form to DER; `None` for what has not its length.
pub fn from_fixed(fixed: &[u8]) -> Option<Vec<u8>> {
    if fixed.len() != 2 * LENGTH {
        return None;
    }
    let mut content = Vec::with_capacity(2 * LENGTH + 6);
    for number in fixed.chunks_exact(LENGTH) {
        let first = number.iter().position(|byte| *byte != 0).unwrap_or(LENGTH - 1);
        let digits = &number[first..];
        // A leading one bit would make the number negative.
        let sign = usize::from(digits[0] >= 0x80);
        content.extend([0x02, (digits.len() + sign) as u8]);
        content.extend(std::iter::repeat_n(0, sign));
        content.extend(digits);
    }
    let mut der = vec![0x30, content.len() as u8];
    der.extend(content);
    Some(der)
}

/// The content of the first element, which must have this tag, and what follows. Lengths here are below 128.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk()?;
    if found != tag || length >= 0x80 {
        return None;
    }
    rest.split_at_checked(length.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        for (r, s) in [(vec![0x01], vec![0x80]), (vec![0xff; 32], vec![0x7f; 32]), (vec![0x12; 31], vec![0])] {
            let mut fixed = vec![0; 32 - r.len()];
            fixed.extend(&r);
            fixed.resize(64 - s.len(), 0);
            fixed.extend(&s);
            let der = from_fixed(&fixed).expect("a signature");
            assert_eq!(to_fixed(&der).as_ref().map(|fixed| &fixed[..]), Some(&fixed[..]), "{der:?}");
        }
    }

    #[test]
    fn numbers_are_written_as_der_wants_them() {
        let mut fixed = [0; 64];
        (fixed[31], fixed[63]) = (0x80, 0x01);
        assert_eq!(from_fixed(&fixed).expect("a signature"), [0x30, 7, 0x02, 2, 0, 0x80, 0x02, 1, 1]);
    }

    #[test]
    fn what_is_no_signature_is_none() {
        for der in [&[][..], &[0x30], &[0x30, 5, 2], &[0x31, 0], &[0x30, 0x80], &[0x30, 3, 2, 1, 1], &[0x30, 0, 0]] {
            assert_eq!(to_fixed(der), None, "{der:?}");
        }
        let mut long = vec![0x30, 3 + 2 + 33, 0x02, 33];
        long.extend([1; 33]);
        long.extend([0x02, 1, 1]);
        assert_eq!(to_fixed(&long), None);
        assert_eq!(from_fixed(&[0; 63]), None);
    }
}
