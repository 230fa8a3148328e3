//! Vector instructions of the machine, found at run time.
//!
//! A [`Kernel`] is a loop over slices. Where the machine has AVX2, with FMA and what else x86-64-v3 asks for, it runs
//! as a function compiled for that: the compiler turns the loop into wider vectors, or the kernel has a form of its own
//! in the machine's instructions. Both give the same bits as the portable form; Rust never fuses a product and a sum. The
//! unsafe step, to call a function of instructions that not every machine has once they were found, is pulp's.

#[cfg(target_arch = "x86_64")]
pub(crate) use pulp::x86::V3 as Avx2;

/// A computation on slices that is worth the vector instructions of the machine.
///
/// Implementations and all that they call are `#[inline(always)]`: what stays a call is compiled without
/// those instructions.
pub(crate) trait Kernel: Sized {
    /// In terms that every machine knows.
    fn portable(self);

    /// In instructions of AVX2; the portable form, compiled for them, unless the kernel knows better.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn avx2(self, _: Avx2) {
        self.portable();
    }
}

/// The vector instructions that kernels may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vectors {
    #[cfg(target_arch = "x86_64")]
    avx2: Option<Avx2>,
}

impl Vectors {
    /// Those of the machine.
    pub(crate) fn detected() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            avx2: Avx2::try_new(),
        }
    }

    /// Those of every machine that the crate was compiled for.
    #[cfg(test)]
    pub(crate) const fn of_the_target() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            avx2: None,
        }
    }

    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(clippy::unused_self, reason = "there is nothing to choose")
    )]
    #[inline(always)]
    pub(crate) fn run(self, kernel: impl Kernel) {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = self.avx2 {
            return avx2.vectorize(Vectorized { kernel, avx2 });
        }
        kernel.portable();
    }
}

/// A kernel as pulp takes it.
#[cfg(target_arch = "x86_64")]
struct Vectorized<K> {
    kernel: K,
    avx2: Avx2,
}

#[cfg(target_arch = "x86_64")]
impl<K: Kernel> pulp::NullaryFnOnce for Vectorized<K> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.kernel.avx2(self.avx2);
    }
}
