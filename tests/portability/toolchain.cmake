# SPDX-License-Identifier: MIT
# A cross build against Debian packages that were unpacked, not installed:
# SEGLOG_CROSS names the compiler's prefix (s390x-linux-gnu, i686-linux-gnu),
# SEGLOG_CROSS_LIBS Debian's folder of libraries below SEGLOG_CROSS_ROOT
# (s390x-linux-gnu, i386-linux-gnu).  Programs find their loader and libraries
# by absolute paths, so that they start like any other.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES
    SEGLOG_CROSS SEGLOG_CROSS_LIBS SEGLOG_CROSS_ROOT SEGLOG_CROSS_LOADER
    SEGLOG_CROSS_PROCESSOR SEGLOG_CROSS_EMULATOR)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${SEGLOG_CROSS_PROCESSOR})
set(CMAKE_C_COMPILER ${SEGLOG_CROSS}-gcc)
set(CMAKE_CXX_COMPILER ${SEGLOG_CROSS}-g++)
set(CMAKE_LIBRARY_ARCHITECTURE ${SEGLOG_CROSS_LIBS})
set(CMAKE_CROSSCOMPILING_EMULATOR ${SEGLOG_CROSS_EMULATOR})

set(root ${SEGLOG_CROSS_ROOT})
set(CMAKE_FIND_ROOT_PATH ${root} /usr/${SEGLOG_CROSS})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(CMAKE_C_FLAGS_INIT "-isystem ${root}/usr/include -isystem ${root}/usr/include/${SEGLOG_CROSS_LIBS}")
set(link "-Wl,--dynamic-linker=/usr/${SEGLOG_CROSS}/lib/${SEGLOG_CROSS_LOADER}")
foreach(dir IN ITEMS /usr/${SEGLOG_CROSS}/lib
                     ${root}/usr/lib/${SEGLOG_CROSS_LIBS}
                     ${root}/lib/${SEGLOG_CROSS_LIBS})
    string(APPEND link " -L${dir} -Wl,-rpath,${dir} -Wl,-rpath-link,${dir}")
endforeach()
set(CMAKE_EXE_LINKER_FLAGS_INIT "${link}")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "${link}")
