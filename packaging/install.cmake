# What belongs to an installed agent beside the program: for `make install` and the packages.
# Below /usr and /usr/local the configuration is where the program looks for it, in /etc.

install(CODE "
  if(CMAKE_INSTALL_PREFIX MATCHES \"^/usr(/local)?/?$\")
    set(etc /etc)
  else()
    set(etc \${CMAKE_INSTALL_PREFIX}/etc)
  endif()
  # One that somebody has changed is not overwritten.
  if(NOT EXISTS \$ENV{DESTDIR}\${etc}/lastseen/lastseen.yaml)
    file(INSTALL ${CMAKE_SOURCE_DIR}/config/lastseen.yaml DESTINATION \${etc}/lastseen)
  endif()
  file(INSTALL ${CMAKE_SOURCE_DIR}/packaging/systemd/logrotate/lastseen
    DESTINATION \${etc}/logrotate.d)

  # The unit names the program by its whole path.
  file(READ ${CMAKE_SOURCE_DIR}/packaging/systemd/lastseen.service unit)
  string(REPLACE /usr/bin/ \${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/ unit \"\${unit}\")
  file(WRITE ${CMAKE_BINARY_DIR}/generated/lastseen.service \"\${unit}\")")

set(LASTSEEN_UNIT_DIR lib/systemd/system CACHE STRING "Where systemd looks for units")
install(FILES ${CMAKE_BINARY_DIR}/generated/lastseen.service DESTINATION ${LASTSEEN_UNIT_DIR})
install(FILES packaging/systemd/lastseen.socket DESTINATION ${LASTSEEN_UNIT_DIR})
install(FILES packaging/systemd/sysusers.conf DESTINATION lib/sysusers.d RENAME lastseen.conf)
install(FILES packaging/systemd/tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME lastseen.conf)

install(DIRECTORY migrations DESTINATION ${CMAKE_INSTALL_DATADIR}/lastseen
  FILES_MATCHING PATTERN *.sql)
install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES config/lastseen.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY packaging/nginx packaging/haproxy packaging/caddy packaging/apache packaging/envoy
  packaging/feed packaging/grafana packaging/plugin packaging/docker packaging/compose
  packaging/kubernetes
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
