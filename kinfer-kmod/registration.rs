// SPDX-License-Identifier: GPL-2.0

//! A misc device whose open files keep the module loaded.
//!
//! [`MiscDeviceRegistration`] of Linux 7.2 leaves `file_operations::owner` empty, so that `rmmod`
//! takes the code away under an open file. From 7.3 on it is set, and this could go.
//!
//! [`MiscDeviceRegistration`]: kernel::miscdevice::MiscDeviceRegistration

use core::marker::PhantomData;
use kernel::{
    bindings,
    error::to_result,
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions, //
    },
    prelude::*,
    types::Opaque, //
};

/// A registered misc device.
///
/// # Invariants
///
/// - `misc` is registered, and was made by [`MiscDeviceOptions::into_raw`] for `T`.
/// - `misc.fops` points to what `_operations` holds, whose owner is this module.
#[pin_data(PinnedDrop)]
pub(crate) struct Registration<T> {
    #[pin]
    misc: Opaque<bindings::miscdevice>,
    _operations: KBox<bindings::file_operations>,
    _t: PhantomData<T>,
}

// SAFETY: A device may be deregistered on another thread than it was registered on.
unsafe impl<T> Send for Registration<T> {}
// SAFETY: There is nothing to do with a shared reference.
unsafe impl<T> Sync for Registration<T> {}

impl<T: MiscDevice> Registration<T> {
    /// Registers the device; `module` stays while it is open.
    pub(crate) fn new(
        options: MiscDeviceOptions,
        module: &'static ThisModule,
    ) -> Result<impl PinInit<Self, Error>> {
        let mut misc = options.into_raw::<T>();
        // SAFETY: `into_raw` points it to a constant table.
        let mut operations = unsafe { *misc.fops };
        operations.owner = module.as_ptr();
        let operations = KBox::new(operations, GFP_KERNEL)?;
        misc.fops = &*operations;

        // INVARIANT: The table's address is the box's, which moves into the value, and the device
        // is registered if this succeeds.
        Ok(try_pin_init!(Self {
            misc <- Opaque::try_ffi_init(move |slot: *mut bindings::miscdevice| {
                // SAFETY: The slot is valid for writing.
                unsafe { slot.write(misc) };
                // SAFETY: The slot is pinned, and deregistered before it and the table go. The
                // kernel crate's functions in the table take the device for a
                // `MiscDeviceRegistration<T>`, which is a transparent wrapper of it.
                to_result(unsafe { bindings::misc_register(slot) })
            }),
            _operations: operations,
            _t: PhantomData,
        }))
    }
}

#[pinned_drop]
impl<T> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: It is registered, by the type's invariants.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}
