"""What CMake's find_package reads: the libraries as targets, and how the C is built in their place."""

from __future__ import annotations

from collections.abc import Sequence

from pocketsr.export._sources import Sources

__all__ = ["config"]


def config(name: str, c_name: str, sources: Sources, libraries: Sequence[str], flags: str) -> str:
    """pocketsr-NAME-config.cmake, which lies beside the libraries. flags: what the C is compiled with."""
    static = next(each for each in libraries if each.endswith(".a"))
    shared = next((each for each in libraries if each != static), None)
    files = "\n".join(f'        "${{_folder}}/{file}"' for file in sources.files)
    rows = [("SHARED", name, shared)] if shared and not shared.endswith(".dll") else []  # a DLL has no import library
    rows += [("STATIC", f"{name}-static", static)]
    targets = "".join(
        f"""if(NOT TARGET pocketsr::{target})
    add_library(pocketsr::{target} {kind} IMPORTED)
    set_target_properties(pocketsr::{target} PROPERTIES
        IMPORTED_LOCATION "${{_folder}}/{file}"{soname(file) if kind == "SHARED" else ""}
        INTERFACE_INCLUDE_DIRECTORIES "${{_folder}}")
endif()
"""
        for kind, target, file in rows
    )
    return f"""# Made by pocketsr. In CMakeLists.txt:
#     find_package(pocketsr-{name} CONFIG REQUIRED)             # -Dpocketsr-{name}_DIR=THIS_FOLDER
#     target_link_libraries(app PRIVATE pocketsr::{name})       # or pocketsr::{name}-static
# To build the C for the app's own system instead:
#     pocketsr_{c_name}_from_source(upscaling)
#     target_link_libraries(app PRIVATE upscaling)
get_filename_component(_folder "${{CMAKE_CURRENT_LIST_FILE}}" DIRECTORY)
set(_pocketsr_{c_name}_folder "${{_folder}}")

{targets}
function(pocketsr_{c_name}_from_source target)
    set(_folder "${{_pocketsr_{c_name}_folder}}")
    add_library(${{target}} STATIC
{files})
    # -O3 whatever the build type: without it the vectors stay in memory
    target_compile_options(${{target}} PRIVATE {flags} -fno-math-errno -ffinite-math-only -ffp-contract=fast)
    target_include_directories(${{target}} PUBLIC "${{_folder}}")
    set_target_properties(${{target}} PROPERTIES C_STANDARD 11 POSITION_INDEPENDENT_CODE ON)
endfunction()
unset(_folder)
"""


def soname(file: str) -> str:
    """The name that programs look for, as CMake is told it."""
    known = f"@rpath/{file}" if file.endswith(".dylib") else file
    return f'\n        IMPORTED_SONAME "{known}"'
