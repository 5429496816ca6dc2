//! Rust: the model file as a constant, what the verifier proved of it as constants, and a typed way into the core.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Emitter;
use super::names::comment;

/// Bytes a line of the file.
const LINE: usize = 24;

pub(super) fn file(emitter: &Emitter<'_>) -> String {
    let mut text = String::new();
    for line in emitter.title() {
        push(&mut text, format!("//! {}", comment(&line)).trim_end());
    }
    push(&mut text, "//!\n//! Needs the crate `kinfer`, whose engine decides: no `std`, no allocation, no `unsafe`.");
    let provenance = emitter.provenance();
    if !provenance.is_empty() {
        push(&mut text, "\n// Where the model is from, by its file:");
        provenance.iter().for_each(|line| push(&mut text, format!("//     {}", comment(line)).trim_end()));
    }
    push(&mut text, "\n#![allow(dead_code)] // a caller need not use all of it");
    push(&mut text, "\nuse core::ops::{Deref, DerefMut};\n\nuse kinfer::{Decision, Error, Limits, Packed, Report};");
    constants(&mut text, emitter);
    counters(&mut text, emitter);
    outcomes(&mut text, emitter);
    model(&mut text, emitter);
    bytes(&mut text, emitter);
    text
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn constants(text: &mut String, emitter: &Emitter<'_>) {
    let report = &emitter.report;
    let mut constant = |about: &str, name: &str, value: usize| {
        push(text, &format!("\n/// {about}\npub const {name}: usize = {value};"));
    };
    constant("Counters of a decision.", "FEATURES", report.inputs);
    constant("Outcomes that it decides between.", "OUTCOMES", report.outcomes);
    constant("Words of memory that [`Model::load`] takes.", "PACKED_WORDS", report.packed_words);
    constant("Words of scratch of a decision.", "SCRATCH_WORDS", report.scratch_words);
    constant(
        "Words that the caller keeps from decision to decision, zero at first.",
        "STATE_WORDS",
        report.state_words,
    );
    push(text, &format!("\n/// CRC-32C of [`MODEL`].\npub const CRC32C: u32 = 0x{:08x};", report.checksum));
    push(text, "\n/// What the kernel accepts, and the model's state.");
    push(text, "pub const LIMITS: Limits = Limits { state_bytes: 8 * STATE_WORDS, ..Limits::KERNEL };");
}

fn counters(text: &mut String, emitter: &Emitter<'_>) {
    push(text, "\n/// The counters, in the order of the schema.");
    push(text, "#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]\npub struct Counters {");
    for (feature, name) in emitter.model.features().iter().zip(&emitter.features) {
        let (label, unit) = (code(feature.name.as_str()), code(feature.unit.as_str()));
        push(text, &format!("    /// {label} in {unit}, {} to {} in calibration.", feature.lo, feature.hi));
        push(text, &format!("    pub {name}: i64,"));
    }
    push(
        text,
        "}\n\nimpl Counters {\n    /// As the engine takes them.\n    pub const fn to_array(self) -> [i64; FEATURES] {",
    );
    push(text, "        [");
    emitter.features.iter().for_each(|name| push(text, &format!("            self.{name},")));
    push(text, "        ]\n    }\n}\n\nimpl From<[i64; FEATURES]> for Counters {");
    push(text, "    fn from(counters: [i64; FEATURES]) -> Self {\n        let [");
    emitter.features.iter().for_each(|name| push(text, &format!("            {name},")));
    push(text, "        ] = counters;\n        Self {");
    emitter.features.iter().for_each(|name| push(text, &format!("            {name},")));
    push(text, "        }\n    }\n}");
}

fn outcomes(text: &mut String, emitter: &Emitter<'_>) {
    let mut taken = BTreeSet::new();
    let mut variants = Vec::new();
    for name in &emitter.outcomes {
        let mut variant = camel(name);
        while !taken.insert(variant.clone()) {
            variant.push('_');
        }
        variants.push(variant);
    }
    push(text, "\n/// What a decision says, by class.\n#[derive(Clone, Copy, Debug, PartialEq, Eq)]\n#[repr(u32)]");
    push(text, "pub enum Outcome {");
    for (number, (outcome, variant)) in emitter.model.outcomes().iter().zip(&variants).enumerate() {
        push(text, &format!("    /// {}\n    {variant} = {number},", code(outcome.as_str())));
    }
    push(text, "}\n\nimpl Outcome {\n    /// All of them, by class.\n    pub const ALL: [Self; OUTCOMES] = [");
    variants.iter().for_each(|variant| push(text, &format!("        Self::{variant},")));
    let first = variants.first().map_or("", String::as_str);
    push(text, "    ];\n\n    /// That of a decision's class; of a decision that is none of this model's, the first.");
    push(text, "    pub fn of(decision: &Decision) -> Self {");
    push(
        text,
        &format!("        Self::ALL.get(decision.class as usize).copied().unwrap_or(Self::{first})\n    }}\n}}"),
    );
}

fn model(text: &mut String, emitter: &Emitter<'_>) {
    let (parameter, call) = match emitter.report.state_words {
        0 => ("", "decide(scratch, "),
        _ => ("        state: &mut [i64; STATE_WORDS],\n", "decide_with(scratch, state, "),
    };
    push(
        text,
        &format!(
            "
/// The model, laid out in memory `M` of the caller: `&mut [i64]`, `Vec<i64>`, the kernel's `KVVec<i64>`.
#[derive(Debug)]
pub struct Model<M> {{
    packed: Packed<M>,
}}

impl<M: DerefMut<Target = [i64]>> Model<M> {{
    /// Verifies [`MODEL`] and lays it out in `memory`, of which [`PACKED_WORDS`] are used. The report is large and
    /// therefore the caller's: `Report::default()` before, what was proved afterwards.
    ///
    /// # Errors
    ///
    /// `memory` is too small, or `kinfer` is a version that needs more of it or does not know all of the model's operators.
    pub fn load(report: &mut Report, memory: M) -> Result<Self, Error> {{
        let model = kinfer::Model::parse(MODEL)?;
        kinfer::verify_into(&model, &LIMITS, report)?;
        Ok(Self {{ packed: Packed::new(&model, report, memory)? }})
    }}
}}

impl<M: Deref<Target = [i64]>> Model<M> {{
    /// Decides on `counters`. Cannot fail.
    pub fn decide(
        &self,
        scratch: &mut [i64; SCRATCH_WORDS],
{parameter}        counters: &Counters,
    ) -> Decision {{
        self.packed.{call}&counters.to_array())
    }}
}}"
        ),
    );
}

fn bytes(text: &mut String, emitter: &Emitter<'_>) {
    push(text, "\n/// The model file; it needs no alignment.\n#[rustfmt::skip]\npub const MODEL: &[u8] = &[");
    for line in emitter.model.file().chunks(LINE) {
        text.push_str("   ");
        for byte in line {
            // Writing to a string cannot fail.
            let _ = write!(text, " 0x{byte:02x},");
        }
        text.push('\n');
    }
    push(text, "];");
}

/// Text of the file as code in a doc comment.
fn code(name: &str) -> String {
    format!("`{}`", comment(name).replace('`', "'"))
}

/// An identifier of words in lower case as a variant.
fn camel(name: &str) -> String {
    let mut variant = String::new();
    for word in name.split('_') {
        let mut letters = word.chars();
        variant.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        variant.extend(letters);
    }
    variant
}
