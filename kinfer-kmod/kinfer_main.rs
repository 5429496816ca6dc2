// SPDX-License-Identifier: GPL-2.0

//! Decisions by integer models inside the kernel.
//!
//! What a model is, whether it may run and what it decides is the `kinfer` crate's; this module
//! only connects:
//!
//! - [`device`]: `/dev/kinfer`, where models are loaded and the answers can be looked at;
//! - [`registry`]: the model in place, read under RCU, replaced while others decide;
//! - [`decide`]: the decision path, for any context;
//! - [`scratch`]: working memory of the CPU and context;
//! - `kfunc.c`: the decision for BPF programs. Rust objects are left out of BTF, hence C.

use kernel::{
    error::to_result,
    miscdevice::MiscDeviceOptions,
    prelude::*, //
};

mod decide;
mod device;
mod registration;
mod registry;
mod scratch;
mod shim;

module! {
    type: KinferModule,
    name: "kinfer",
    authors: ["The kinfer authors"],
    description: "Decisions by integer models",
    license: "GPL v2",
}

/// Fields are dropped in this order: first nobody can ask any more, then what answers goes.
#[pin_data]
struct KinferModule {
    #[pin]
    _device: registration::Registration<device::OpenFile>,
    _models: registry::Models,
    _scratch: scratch::Scratch,
}

impl kernel::InPlaceModule for KinferModule {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _scratch: scratch::Scratch::new()?,
            _models: registry::Models,
            _device <- {
                // SAFETY: Called from the module's initialisation, before anyone can call it a
                // second time.
                to_result(unsafe { shim::kinfer_kfunc_init() })?;
                registration::Registration::new(MiscDeviceOptions { name: c"kinfer" }, module)?
            },
        })
    }
}
