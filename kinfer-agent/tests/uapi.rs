//! `kinfer::uapi` and `kinfer-kmod/include/uapi/linux/kinfer.h` describe one interface: a C compiler says what the header
//! means, and every figure is compared.

use std::fmt::Write;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use kinfer::Flags;
use kinfer::uapi::*;

#[test]
fn the_c_header_and_the_rust_structures_are_the_same_bytes() {
    let facts = facts();
    let mut program =
        String::from("#include <stddef.h>\n#include <stdio.h>\n#include <linux/kinfer.h>\n\nint main(void)\n{\n");
    for (expression, _) in &facts {
        writeln!(program, "\tprintf(\"%llu\\n\", (unsigned long long)({expression}));").unwrap();
    }
    program += "\treturn 0;\n}\n";

    let output = compile_and_run(&program);
    let values: Vec<u64> = output.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(values.len(), facts.len());
    for ((expression, rust), c) in facts.iter().zip(values) {
        assert_eq!(*rust, c, "{expression}: {rust} in kinfer::uapi, {c} in the C header");
    }
}

/// C expressions, each with what `kinfer::uapi` says it is.
fn facts() -> Vec<(String, u64)> {
    let mut facts = Vec::new();
    let mut fact = |expression: &str, value: usize| facts.push((expression.to_owned(), value as u64));

    fact("KINFER_ABI", ABI as usize);
    fact("KINFER_F_OUT_OF_RANGE", Flags::OUT_OF_RANGE.bits() as usize);
    fact("KINFER_F_LOW_MARGIN", Flags::LOW_MARGIN.bits() as usize);
    fact("KINFER_F_FALLBACK", Flags::FALLBACK.bits() as usize);
    fact("KINFER_F_ANOMALY", Flags::ANOMALY.bits() as usize);
    fact("KINFER_IOC_LOAD", IOC_LOAD as usize);
    fact("KINFER_IOC_DECIDE", IOC_DECIDE as usize);
    fact("KINFER_IOC_INFO", IOC_INFO as usize);
    fact("KINFER_IOC_MEASURE", IOC_MEASURE as usize);
    fact("KINFER_IOC_UNLOAD", IOC_UNLOAD as usize);

    macro_rules! structure {
        ($c:literal $rust:ident { $($field:ident)* }) => {
            let value = $rust::default();
            // Does not compile when the structure has a field that is not compared here.
            let $rust { $($field: _,)* } = value;
            fact(concat!("sizeof(struct ", $c, ")"), $rust::SIZE);
            $(
                let field = stringify!($field);
                fact(&format!("offsetof(struct {}, {field})", $c), offset_of!($rust, $field));
                fact(&format!("sizeof(((struct {} *)0)->{field})", $c), size_of_val(&value.$field));
            )*
        };
    }
    structure!("kinfer_decision" DecisionRecord { outcome flags value margin });
    structure!("kinfer_load" Load { addr len point });
    structure!("kinfer_decide" Decide { raw count point decision });
    structure!("kinfer_info" Info {
        abi loaded inputs outcomes model_bytes packed_bytes scratch_bytes ops loads decisions fallbacks model_crc reserved
    });
    structure!("kinfer_measure" Measure { raw count point rounds reserved decide_ns empty_ns });
    facts
}

fn compile_and_run(program: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, binary) = (folder.join("uapi.c"), folder.join("uapi"));
    std::fs::write(&source, program).unwrap();

    let headers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kinfer-kmod/include/uapi");
    let compiled = Command::new("cc")
        // Kbuild's rule for exported headers is C90; a padded structure would have bytes that nobody names.
        .args(["-std=c90", "-Wall", "-Wextra", "-Wpadded", "-Wno-long-long", "-Werror", "-I"])
        .arg(headers)
        .arg("-o")
        .args([&binary, &source])
        .output()
        .expect("cc does not run: install gcc or clang");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));

    let ran = Command::new(&binary).output().unwrap();
    assert!(ran.status.success());
    String::from_utf8(ran.stdout).unwrap()
}
