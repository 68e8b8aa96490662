# SPDX-License-Identifier: MIT
# The libraries seglog is made from.  They show in no public header, so a user
# of the shared library needs none of their development files.

find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(xxhash REQUIRED)
set(SEGLOG_PACKAGES Threads ZLIB xxhash)
set(SEGLOG_LIBRARIES Threads::Threads ZLIB::ZLIB xxhash::xxhash)
set(SEGLOG_PC_LIBS "-lz -lxxhash -pthread")

set(SEGLOG_HAVE_LIBDEFLATE OFF)
if(NOT SEGLOG_WITH_LIBDEFLATE MATCHES "^(AUTO|ON|OFF)$")
    message(FATAL_ERROR "SEGLOG_WITH_LIBDEFLATE must be AUTO, ON or OFF")
endif()
if(SEGLOG_WITH_LIBDEFLATE)
    if(SEGLOG_WITH_LIBDEFLATE STREQUAL "AUTO")
        find_package(libdeflate)
    else()
        find_package(libdeflate REQUIRED)
    endif()
    if(libdeflate_FOUND)
        set(SEGLOG_HAVE_LIBDEFLATE ON)
        list(APPEND SEGLOG_PACKAGES libdeflate)
        list(APPEND SEGLOG_LIBRARIES libdeflate::libdeflate)
        string(PREPEND SEGLOG_PC_LIBS "-ldeflate ")
    endif()
endif()
