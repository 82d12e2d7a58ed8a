// The Java server of the zoo, on Tomcat: java -cp ... Server.java PORT
// Its pattern has a dot that is not escaped, and matches() anchors it.

import jakarta.websocket.OnMessage;
import jakarta.websocket.server.ServerContainer;
import jakarta.websocket.server.ServerEndpointConfig;
import java.io.File;
import java.nio.file.Files;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.websocket.server.WsSci;

public class Server {
    public static class Checked extends ServerEndpointConfig.Configurator {
        @Override
        public boolean checkOrigin(String origin) {
            return origin != null && origin.matches("https://app.client.com");
        }

        @Override
        public <T> T getEndpointInstance(Class<T> type) {
            return type.cast(new Echo());
        }
    }

    @jakarta.websocket.server.ServerEndpoint(value = "/ws", configurator = Checked.class)
    public static class Echo {
        @OnMessage
        public String talk(String message) {
            return message;
        }
    }

    public static void main(String[] arguments) throws Exception {
        java.util.logging.LogManager.getLogManager().reset();
        File folder = Files.createTempDirectory("zoo-").toFile();
        folder.deleteOnExit();
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(folder.getPath());
        tomcat.setPort(Integer.parseInt(arguments[0]));
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        Context context = tomcat.addContext("", folder.getPath());
        context.setParentClassLoader(Server.class.getClassLoader());
        Tomcat.addServlet(context, "default", new org.apache.catalina.servlets.DefaultServlet());
        context.addServletMappingDecoded("/", "default");
        context.addServletContainerInitializer(new WsSci(), null);
        context.addServletContainerInitializer((classes, servlets) -> {
            try {
                ((ServerContainer) servlets.getAttribute(ServerContainer.class.getName()))
                        .addEndpoint(Echo.class);
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }, null);
        tomcat.start();
        tomcat.getServer().await();
    }
}
