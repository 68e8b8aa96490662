# SPDX-License-Identifier: MIT
# seglog::testing: byte stores that fail on purpose, for the tests of whoever
# uses the library.  Apart from it, so that nobody else carries them; and it
# asks for nothing but the C library, so that it goes with either form of it.

file(GLOB sources CONFIGURE_DEPENDS
     ${PROJECT_SOURCE_DIR}/${SEGLOG_TESTING_LAYER}/*.c)
add_library(seglog_testing STATIC ${sources})
add_library(seglog::testing ALIAS seglog_testing)
seglog_build_options(seglog_testing)
set_target_properties(seglog_testing PROPERTIES EXPORT_NAME testing)
target_include_directories(seglog_testing
    PRIVATE ${PROJECT_SOURCE_DIR}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(seglog_testing PUBLIC Threads::Threads)
