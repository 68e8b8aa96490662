# SPDX-License-Identifier: MIT
# What `cmake --install` lays down.  The tree may be moved afterwards: nothing
# in it names the place where it was first put.

include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/seglog)

install(DIRECTORY include/seglog DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")

# Three exports: the static library needs other packages, the shared one none,
# and few want the stores for tests.
foreach(kind IN ITEMS static shared testing)
    install(TARGETS seglog_${kind} EXPORT seglog-${kind}
            RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT seglog-${kind} FILE seglog-${kind}-targets.cmake
            NAMESPACE seglog:: DESTINATION ${package_dir})
endforeach()

list(JOIN SEGLOG_PACKAGES " " SEGLOG_PACKAGE_LIST)
configure_package_config_file(cmake/seglog-config.cmake.in seglog-config.cmake
    INSTALL_DESTINATION ${package_dir}
    NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(seglog-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/seglog-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/seglog-config-version.cmake
              cmake/Findxxhash.cmake cmake/Findlibdeflate.cmake
              cmake/Findzstd.cmake
              cmake/Findlmdb.cmake
        DESTINATION ${package_dir})

# pkg-config: found from the .pc file's own place, unless somebody installs
# into an absolute directory outside the prefix.
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
    set(PC_PREFIX ${CMAKE_INSTALL_PREFIX})
else()
    string(REGEX REPLACE "[^/]+" ".." up ${pc_dir})
    set(PC_PREFIX "\${pcfiledir}/${up}")
endif()
foreach(dir IN ITEMS LIBDIR INCLUDEDIR)
    set(PC_${dir} "\${prefix}")
    cmake_path(APPEND PC_${dir} ${CMAKE_INSTALL_${dir}})
endforeach()
configure_file(cmake/seglog.pc.in seglog.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/seglog.pc DESTINATION ${pc_dir})

foreach(doc IN ITEMS README.md SPEC.md ENCRYPTION.md SECURITY.md CHANGELOG.md
                  LICENSE)
    install(FILES ${doc} DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
endforeach()

if(SEGLOG_BUILD_TOOLS)
    foreach(program IN LISTS seglog_programs)
        install(TARGETS seglog_tool_${program}
                DESTINATION ${CMAKE_INSTALL_BINDIR})
        # bash looks a completion up by the name of the command.
        install(FILES tools/completion/seglog.bash
                DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
                RENAME ${program} OPTIONAL)
    endforeach()
endif()
foreach(section IN ITEMS 1 5)
    file(GLOB pages CONFIGURE_DEPENDS
         ${PROJECT_SOURCE_DIR}/tools/man/*.${section})
    if(SEGLOG_BUILD_TOOLS OR section EQUAL 5)
        install(FILES ${pages}
                DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
    endif()
endforeach()
