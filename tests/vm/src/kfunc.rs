//! The kfunc `kinfer_decide`, called by the BPF program of `kinfer-kmod/bpf/decide.bpf.c`.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use kinfer::Decision;
use kinfer::uapi::DecisionRecord;
use libbpf_rs::{Object, ObjectBuilder, ProgramInput, ProgramMut};

/// `KINFER_BPF_MAX_COUNTERS`.
const MAX_COUNTERS: usize = 256;
/// Offsets in `struct kinfer_bpf_decide` (`kinfer-kmod/bpf/decide.h`).
const STATUS: usize = 8;
const DECISION: usize = 16;
const RAW: usize = DECISION + DecisionRecord::SIZE;
const SIZE: usize = RAW + MAX_COUNTERS * size_of::<i64>();

/// What is in the answer's place before the call, so that an answer never written is seen.
const UNWRITTEN: DecisionRecord = DecisionRecord { outcome: 0xdead, flags: 0xbeef, value: -1, margin: -1 };

/// What the kfunc returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// 0, or a negative error number.
    pub(crate) status: i32,
    pub(crate) decision: DecisionRecord,
}

impl Answer {
    pub(crate) fn decided(decision: DecisionRecord) -> Self {
        Self { status: 0, decision }
    }

    pub(crate) fn refused(errno: nix::errno::Errno) -> Self {
        Self { status: -(errno as i32), decision: Decision::FALLBACK.into() }
    }
}

/// The loaded program. It pins the module: while it lives, `rmmod` fails.
pub(crate) struct Kfunc {
    object: Object,
}

impl Kfunc {
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let context = || format!("{}: the kernel does not take this BPF program", path.display());
        let object = ObjectBuilder::default().open_file(path).with_context(context)?.load().with_context(context)?;
        let mut kfunc = Self { object };
        ensure!(kfunc.program().is_some(), "{}: has no program `decide`", path.display());
        Ok(kfunc)
    }

    pub(crate) fn decide(&mut self, raw: &[i64]) -> Result<Answer> {
        self.call(0, size_of_val(raw), raw)
    }

    /// Passes `raw_size` bytes, whatever `raw` holds.
    pub(crate) fn call(&mut self, point: u32, raw_size: usize, raw: &[i64]) -> Result<Answer> {
        ensure!(raw.len() <= MAX_COUNTERS, "the BPF program takes {MAX_COUNTERS} counters at most");
        let mut context = Vec::with_capacity(SIZE);
        context.extend(point.to_ne_bytes());
        context.extend(u32::try_from(raw_size)?.to_ne_bytes());
        context.extend(i32::MIN.to_ne_bytes());
        context.extend([0; 4]);
        context.extend(UNWRITTEN.to_bytes());
        context.extend(raw.iter().flat_map(|counter| counter.to_ne_bytes()));
        context.resize(SIZE, 0);

        let program = self.program().context("no program `decide`")?;
        program.test_run(ProgramInput { context_in: Some(&mut context), ..ProgramInput::default() })?;
        let (_, rest) = context.split_at(STATUS);
        let status = rest.first_chunk().copied().map(i32::from_ne_bytes).context("short context")?;
        let (_, rest) = context.split_at(DECISION);
        let decision = rest.first_chunk().map(DecisionRecord::from_bytes).context("short context")?;
        Ok(Answer { status, decision })
    }

    fn program(&mut self) -> Option<ProgramMut<'_>> {
        self.object.progs_mut().find(|program| program.name() == OsStr::new("decide"))
    }
}
