# A recipe for Spack. In a repository of recipes it is packages/plmr/package.py:
#
#     spack repo create mine && mkdir mine/packages/plmr && cp packaging/package.py mine/packages/plmr/ && spack repo add mine
#     spack dev-build --source-path $PWD plmr@1.0.0        # in the project's root
#
# Not tried yet: where plmr is developed there is no Spack.

from spack.package import *


class Plmr(MesonPackage):
    """Emulator of wafer-scale accelerators: mesh programs and language models in values and in virtual time, under MPI."""

    license("Apache-2.0")
    version("1.0.0")

    variant("http", default=True, description="plmr serve --http")
    variant("otf2", default=False, description="Traces in OTF2, for Vampir and others")

    depends_on("c", type="build")
    depends_on("meson@1.0:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("python@3.8:", type=("build", "run"))
    depends_on("py-numpy", type="run")
    depends_on("mpi")
    depends_on("hwloc")
    depends_on("jansson")
    depends_on("pcre2")
    depends_on("random123")
    depends_on("libmicrohttpd", when="+http")
    depends_on("otf2", when="+otf2")

    def meson_args(self):
        return [
            "-Dtests=false",
            "-Dhttp=" + ("enabled" if "+http" in self.spec else "disabled"),
            "-Dotf2=" + ("enabled" if "+otf2" in self.spec else "disabled"),
        ]
