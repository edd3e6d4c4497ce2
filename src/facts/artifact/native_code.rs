//! Native code, and compiled code of virtual machines, which a model needs none of.

use super::{Content, Findings, RiskSeverity};

/// What native and compiled code begins with.
const MARKS: [(&[u8], &str); 10] = [
    (b"\x7fELF", "ELF"),
    (b"\xfe\xed\xfa\xce", "Mach-O"),
    (b"\xfe\xed\xfa\xcf", "Mach-O"),
    (b"\xce\xfa\xed\xfe", "Mach-O"),
    (b"\xcf\xfa\xed\xfe", "Mach-O"),
    // Mach-O for several processors, and classes of Java.
    (b"\xca\xfe\xba\xbe", "Mach-O or Java"),
    (b"\x50\xed\x55\xba", "CUDA"),
    (b"BC\xc0\xde", "LLVM"),
    (b"\xde\xc0\x17\x0b", "LLVM"),
    (b"!<arch>\n", "static library"),
];

/// Where a program for Windows says where its header is (PE format, "MS-DOS stub").
const PE_PLACE: u64 = 0x3c;

/// Recognised by its mark.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let marked = MARKS.iter().find(|(mark, _)| content.bytes.starts_with(mark)).map(|(_, name)| *name);
    let name =
        marked.or_else(|| is_pe(content).then_some("PE")).or_else(|| is_bytecode(content).then_some("Python"))?;
    let mut findings = Findings::default();
    let message = format!("the file is compiled code ({name}), which runs when it is loaded");
    findings.risk(0, RiskSeverity::High, "native-code", message);
    Some(findings)
}

fn is_pe(content: Content<'_>) -> bool {
    let header = || {
        let place = content.at(PE_PLACE, 4)?;
        let place = u32::from_le_bytes(*place.first_chunk()?);
        Some(*content.at(u64::from(place), 4)? == *b"PE\0\0")
    };
    content.bytes.starts_with(b"MZ") && header().unwrap_or(false)
}

/// Bytecode of Python begins with the number of its version and a line's end (`importlib/_bootstrap_external.py`).
fn is_bytecode(content: Content<'_>) -> bool {
    let version = content.bytes.first_chunk::<2>().map(|bytes| u16::from_le_bytes(*bytes));
    content.bytes.get(2..4) == Some(b"\r\n") && version.is_some_and(|version| (3_000..4_000).contains(&version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_code_is_a_danger() {
        let mut pe = b"MZ".to_vec();
        pe.resize(0x3c, 0);
        pe.extend(0x40_u32.to_le_bytes());
        pe.extend(b"PE\0\0");
        let found = |bytes: &[u8]| inspect(Content::of(bytes, bytes.len() as u64));
        for bytes in [&b"\x7fELF\x02\x01"[..], b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xa7\x0d\r\n\0\0", &pe] {
            let findings = found(bytes).unwrap();
            assert_eq!(
                (findings.risks[0].code.as_str(), findings.risks[0].severity),
                ("native-code", RiskSeverity::High)
            );
        }
        for text in [&b"MZ and then a text"[..], b"a\r\n", b"\xa7\xff\r\n", b""] {
            assert!(found(text).is_none(), "{text:?}");
        }
    }
}
