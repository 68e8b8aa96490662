# SPDX-License-Identifier: MIT
# seglog_build_options(target): language, warnings, sanitizers and hardening.
#
# A function rather than an interface library, so that nothing of it shows in
# the exported targets: a user's build never inherits our flags.

include(CheckCCompilerFlag)
include(CheckLinkerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

set(seglog_warnings
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
    -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wwrite-strings
    -Wformat=2)
if(SEGLOG_WERROR)
    list(APPEND seglog_warnings -Werror)
endif()

# What the compiler and the linker know of the wanted options.  Left out under
# sanitizers, which bring checks of their own and do not mix with these.
set(seglog_hardening)
set(seglog_hardening_link)
if(SEGLOG_HARDENING AND NOT SEGLOG_SANITIZE)
    foreach(flag IN ITEMS -fstack-protector-strong -fstack-clash-protection
                          -fcf-protection=full)
        string(MAKE_C_IDENTIFIER "seglog_has${flag}" has)
        check_c_compiler_flag(${flag} ${has})
        if(${has})
            list(APPEND seglog_hardening ${flag})
        endif()
    endforeach()
    foreach(flag IN ITEMS relro now noexecstack)
        check_linker_flag(C LINKER:-z,${flag} seglog_has_link_${flag})
        if(seglog_has_link_${flag})
            list(APPEND seglog_hardening_link LINKER:-z,${flag})
        endif()
    endforeach()
    # The fortified functions exist only in optimised code.
    list(APPEND seglog_hardening
         $<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE>
         $<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=3>)
endif()

set(seglog_sanitize)
if(SEGLOG_SANITIZE)
    set(seglog_sanitize -fsanitize=${SEGLOG_SANITIZE})
    set(seglog_sanitize_compile -fno-sanitize-recover=all
                                -fno-omit-frame-pointer)
endif()

# libFuzzer follows the input through every object, the library's included.
# AFL++ instruments by being the compiler.
if(SEGLOG_FUZZ_ENGINE STREQUAL "libfuzzer")
    list(APPEND seglog_sanitize_compile -fsanitize=fuzzer-no-link)
endif()

# What AFL++ defines by itself.
if(SEGLOG_FUZZ_ENGINE STREQUAL "libfuzzer")
    list(APPEND seglog_sanitize_compile
         -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION=1)
endif()

function(seglog_build_options target)
    set_target_properties(${target} PROPERTIES
        C_STANDARD 11
        C_STANDARD_REQUIRED ON
        C_EXTENSIONS OFF
        C_VISIBILITY_PRESET hidden
        POSITION_INDEPENDENT_CODE ON)
    # Sizes and times of files, also where long has 32 bits.
    target_compile_definitions(${target} PRIVATE
        _FILE_OFFSET_BITS=64 _TIME_BITS=64)
    target_compile_options(${target} PRIVATE
        ${seglog_warnings} ${seglog_hardening}
        ${seglog_sanitize} ${seglog_sanitize_compile})
    target_link_options(${target} PRIVATE
        ${seglog_hardening_link} ${seglog_sanitize})
endfunction()
